// A 32-byte digest as a value of four words: no array is allocated for it on the way of every request.

internal import COpenSSL

/// A SHA-256 or HMAC-SHA256 value: 32 bytes.
///
/// `==` is for dictionaries; compare a digest that a stranger sent with `isEqualInConstantTime`.
public struct Digest256: Sendable, Hashable {
    /// 32.
    public static let byteCount = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest that `fill` writes; it gets exactly 32 zero bytes.
    init(filling fill: (UnsafeMutablePointer<UInt8>) throws(OpenSSLError) -> Void) throws(OpenSSLError) {
        words = (0, 0, 0, 0)
        var failure: OpenSSLError?
        withUnsafeMutableBytes(of: &words) { buffer in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            do throws(OpenSSLError) { try fill(base) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The 32 bytes, for as long as `body` runs.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try Swift.withUnsafeBytes(of: words) { try body($0) }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// Whether these bytes are this digest or its first `count` bytes, in a time that depends on the lengths only.
    public func isEqualInConstantTime(
        to other: some Sequence<UInt8>, count: Int = Digest256.byteCount
    ) -> Bool {
        guard (1...Digest256.byteCount).contains(count) else { return false }
        return constantTimeEquals(Array(bytes.prefix(count)), Array(other))
    }

    /// The same 32 bytes.
    public static func == (left: Digest256, right: Digest256) -> Bool { left.words == right.words }

    /// Feeds the 32 bytes.
    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ; their lengths are no secret.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
