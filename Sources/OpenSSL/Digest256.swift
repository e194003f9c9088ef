// A 32-byte digest stored as four words, so that requests do not allocate an array for it.

internal import COpenSSL

/// `==` is for dictionary keys; compare an untrusted digest with `isEqualInConstantTime`.
public struct Digest256: Sendable, Hashable {
    /// The size of a digest in bytes.
    public static let byteCount = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Makes the digest that `fill` writes into 32 zero bytes.
    init(filling fill: (UnsafeMutablePointer<UInt8>) throws(OpenSSLError) -> Void) throws(OpenSSLError) {
        words = (0, 0, 0, 0)
        var failure: OpenSSLError?
        withUnsafeMutableBytes(of: &words) { buffer in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            do throws(OpenSSLError) { try fill(base) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Calls `body` with the 32 bytes.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try Swift.withUnsafeBytes(of: words) { try body($0) }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// Whether `other` equals the first `count` bytes of this digest. The time depends on the lengths only.
    public func isEqualInConstantTime(
        to other: some Sequence<UInt8>, count: Int = Digest256.byteCount
    ) -> Bool {
        guard (1...Digest256.byteCount).contains(count) else { return false }
        return constantTimeEquals(Array(bytes.prefix(count)), Array(other))
    }

    /// Whether the 32 bytes are equal; not in constant time.
    public static func == (left: Digest256, right: Digest256) -> Bool { left.words == right.words }

    /// Hashes the 32 bytes.
    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// Whether two byte strings are equal. The time depends on the lengths only, which are not secret.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
