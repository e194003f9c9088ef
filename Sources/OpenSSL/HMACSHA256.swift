// HMAC-SHA256 with a fixed key. The keyed context is created once and restarted for each message, which takes a
// third of the time of HMAC() (0.4 instead of 1.4 µs for 220 bytes; duplicating the context per call takes 0.65
// µs). Threads share it under a lock, which is held for less than a microsecond.

internal import COpenSSL
internal import Synchronization

/// A keyed HMAC-SHA256, usable from any thread.
public final class HMACSHA256: Sendable {
    /// Owns the C context; used only under the lock.
    private typealias Context = SharedPointer

    private let context: Mutex<Context>

    /// Makes a MAC with this key of at least 16 bytes; use 32 for full strength. Throws if libcrypto fails.
    public init(key: [UInt8]) throws(OpenSSLError) {
        guard key.count >= 16 else {
            throw OpenSSLError(function: "EVP_MAC_init", reason: "a key of \(key.count) bytes is too short")
        }
        OpenSSLError.clear()
        guard let algorithm = EVP_MAC_fetch(nil, OSSL_MAC_NAME_HMAC, nil) else {
            throw .last("EVP_MAC_fetch")
        }
        // The context keeps its own reference.
        defer { EVP_MAC_free(algorithm) }
        guard let pointer = EVP_MAC_CTX_new(algorithm) else { throw .last("EVP_MAC_CTX_new") }
        guard HMACSHA256.start(pointer, key: key) else {
            let failure = OpenSSLError.last("EVP_MAC_init")
            EVP_MAC_CTX_free(pointer)
            throw failure
        }
        context = Mutex(Context(pointer: pointer))
    }

    deinit {
        // This also erases the key.
        context.withLock { EVP_MAC_CTX_free($0.pointer) }
    }

    /// The MAC of a message; throws if libcrypto fails.
    public func authenticate(_ message: UnsafeRawBufferPointer) throws(OpenSSLError) -> Digest256 {
        let bytes = message.bindMemory(to: UInt8.self)
        return try Digest256 { output throws(OpenSSLError) in
            let failed: String? = context.withLock { context in
                OpenSSLError.clear()
                // Without a key argument the context restarts with its current key.
                guard EVP_MAC_init(context.pointer, nil, 0, nil) == 1 else { return "EVP_MAC_init" }
                guard EVP_MAC_update(context.pointer, bytes.baseAddress, bytes.count) == 1 else {
                    return "EVP_MAC_update"
                }
                var length = 0
                guard EVP_MAC_final(context.pointer, output, &length, Digest256.byteCount) == 1,
                    length == Digest256.byteCount
                else { return "EVP_MAC_final" }
                return nil
            }
            if let failed { throw .last(failed) }
        }
    }

    /// The MAC of a message; throws if libcrypto fails.
    public func authenticate(_ message: [UInt8]) throws(OpenSSLError) -> Digest256 {
        let result = message.withUnsafeBytes { buffer in
            Result { () throws(OpenSSLError) in try authenticate(buffer) }
        }
        return try result.get()
    }

    private static func start(_ context: OpaquePointer, key: [UInt8]) -> Bool {
        var digestName = Array("SHA256".utf8CString)
        return digestName.withUnsafeMutableBufferPointer { name in
            let parameters = [
                clinic_OSSL_PARAM_construct_mac_digest(name.baseAddress),
                OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_init(context, key, key.count, parameters) == 1
        }
    }
}
