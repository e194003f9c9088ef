// Errors of libcrypto. Its error queue belongs to the thread and keeps old entries, so every call here clears the
// queue first; otherwise an older entry would be reported as the reason.

internal import COpenSSL

/// A failed libcrypto call: the name of the function and the reason, never any data.
public struct OpenSSLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the C function that failed.
    public let function: String
    /// The library's reason, if it gave one.
    public let reason: String?

    /// `EVP_MAC_init failed: invalid key length`.
    public var description: String {
        if let reason { "\(function) failed: \(reason)" } else { "\(function) failed" }
    }

    /// Clears this thread's error queue. The check costs a quarter of a clear, and the queue is nearly always
    /// empty.
    static func clear() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Takes the newest entry of this thread's error queue and clears the queue.
    static func last(_ function: String) -> OpenSSLError {
        let reason = ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) }
        ERR_clear_error()
        return OpenSSLError(function: function, reason: reason)
    }
}
