// Why a connection could not be secured, as a message for people. It never contains data from the peer.

internal import COpenSSL

/// A TLS failure, described in one line.
public enum TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A certificate or key file cannot be used.
    case file(path: String, reason: String)
    /// The peer's certificate is not accepted.
    case untrusted(String)
    /// The peer rejected the connection; the text of its alert.
    case refused(String)
    /// The peer does not speak TLS.
    case notTLS
    /// The peer closed the connection during the handshake.
    case closedInHandshake
    /// The connection ended without close_notify, so data may be missing.
    case truncated
    /// A libssl call failed, usually because of the peer's data.
    case library(OpenSSLError)

    /// The error in one line.
    public var description: String {
        switch self {
        case .file(let path, let reason): "\(path) \(reason)"
        case .untrusted(let reason): "the peer's certificate \(reason)"
        case .refused(let reason): "the peer refused the connection: \(reason)"
        case .notTLS: "the peer does not speak TLS"
        case .closedInHandshake: "the peer closed the connection during the handshake"
        case .truncated: "the connection ended without close_notify"
        case .library(let error): "TLS failed: \(error.reason ?? error.function)"
        }
    }

    /// Converts the newest entry of this thread's error queue and clears the queue. Pass the verification result
    /// only during a handshake.
    static func last(_ function: String, verification: Int = Int(X509_V_OK)) -> TLSError {
        let code = ERR_peek_last_error()
        let error = OpenSSLError.last(function)
        if verification != Int(X509_V_OK) { return .untrusted(verificationFailure(verification)) }
        guard ERR_GET_LIB(code) == ERR_LIB_SSL else { return .library(error) }
        switch ERR_GET_REASON(code) {
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
            SSL_R_UNKNOWN_PROTOCOL,
            SSL_R_PACKET_LENGTH_TOO_LONG:
            return .notTLS
        case SSL_AD_REASON_OFFSET...:
            // "tlsv1 alert unknown ca"
            return .refused(error.reason?.split(separator: "alert ").last.map(String.init) ?? "an alert")
        case let reason where reason == SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return .truncated
        default:
            return .library(error)
        }
    }

    private static func verificationFailure(_ result: Int) -> String {
        switch Int32(truncatingIfNeeded: result) {
        case X509_V_ERR_CERT_HAS_EXPIRED: "has expired"
        case X509_V_ERR_CERT_NOT_YET_VALID: "is not valid yet"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: "is for another host"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            "is from an authority that is not trusted here"
        default: "is not accepted: " + String(cString: X509_verify_cert_error_string(result))
        }
    }
}
