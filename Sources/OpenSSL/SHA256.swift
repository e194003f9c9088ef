// SHA-256 with an algorithm object fetched once; EVP_sha256() would look it up in every call.

internal import COpenSSL

/// The SHA-256 digest.
public enum SHA256 {
    /// The digest of a message; throws if libcrypto fails.
    public static func digest(_ message: UnsafeRawBufferPointer) throws(OpenSSLError) -> Digest256 {
        guard let algorithm else { throw OpenSSLError(function: "EVP_MD_fetch", reason: "no SHA-256") }
        return try Digest256 { output throws(OpenSSLError) in
            OpenSSLError.clear()
            guard EVP_Digest(message.baseAddress, message.count, output, nil, algorithm.pointer, nil) == 1
            else {
                throw .last("EVP_Digest")
            }
        }
    }

    /// The digest of a message; throws if libcrypto fails.
    public static func digest(_ message: [UInt8]) throws(OpenSSLError) -> Digest256 {
        let result = message.withUnsafeBytes { buffer in
            Result { () throws(OpenSSLError) in try digest(buffer) }
        }
        return try result.get()
    }

    /// Immutable after the fetch and shared by all threads, which libcrypto allows.
    private typealias Algorithm = SharedPointer

    private static let algorithm: Algorithm? = EVP_MD_fetch(nil, "SHA256", nil).map {
        SharedPointer(pointer: $0)
    }
}
