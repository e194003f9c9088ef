// Random bytes for keys, salts and token identifiers.

internal import COpenSSL

/// Libcrypto's random generator, seeded by the operating system.
public enum SecureRandom {
    /// Returns `count` unpredictable bytes; throws if the generator fails or `count` is not in 0 ... 1 MiB.
    public static func bytes(count: Int) throws(OpenSSLError) -> [UInt8] {
        guard (0...(1 << 20)).contains(count) else {
            throw OpenSSLError(function: "RAND_bytes", reason: "a count of \(count) is out of range")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        OpenSSLError.clear()
        guard RAND_bytes(&bytes, Int32(truncatingIfNeeded: count)) == 1 else { throw .last("RAND_bytes") }
        return bytes
    }
}
