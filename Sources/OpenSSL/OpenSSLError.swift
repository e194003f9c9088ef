// What libcrypto says when a call fails. Its error queue belongs to the thread and keeps old entries, so every call
// here empties it first; otherwise a failure would be explained by someone else's.

internal import COpenSSL

/// A failed call into libcrypto: the call's name and the library's reason, never any data.
public struct OpenSSLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The C function that failed.
    public let function: String
    /// The library's reason, when it gave one.
    public let reason: String?

    /// `EVP_MAC_init failed: invalid key length`.
    public var description: String {
        if let reason { "\(function) failed: \(reason)" } else { "\(function) failed" }
    }

    /// Empties this thread's error queue. Nearly always it is empty, and to see that is a quarter of the cost.
    static func clear() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// The newest entry of this thread's error queue, which is emptied.
    static func last(_ function: String) -> OpenSSLError {
        let reason = ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) }
        ERR_clear_error()
        return OpenSSLError(function: function, reason: reason)
    }
}
