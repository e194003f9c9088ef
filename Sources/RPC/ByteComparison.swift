// Compares an array with a peer's bytes in place, without making an array of them.

internal import Glibc

extension [UInt8] {
    /// Whether other bytes are the same.
    @inline(__always)
    package func equal(_ others: UnsafeRawBufferPointer) -> Bool { count == others.count && begin(others) }

    /// Whether others begin with these.
    @inline(__always)
    package func begin(_ others: UnsafeRawBufferPointer) -> Bool {
        guard !isEmpty else { return true }
        guard count <= others.count, let theirs = others.baseAddress else { return false }
        return withUnsafeBytes { $0.baseAddress.map { memcmp($0, theirs, count) == 0 } ?? false }
    }
}
