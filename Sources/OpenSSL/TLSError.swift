// Why a connection is not secure, in the words of a person. What a stranger sent is never part of it.

internal import COpenSSL

/// What goes wrong with TLS, as one line for a person.
public enum TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A file of certificates or keys that cannot be used.
    case file(path: String, reason: String)
    /// The certificate of the other end is not accepted.
    case untrusted(String)
    /// The other end ended the handshake, or did not want to go on; what its alert says.
    case refused(String)
    /// What the other end speaks is not TLS.
    case notTLS
    /// The other end was gone before the connection was secure.
    case closedInHandshake
    /// The other end was gone without close_notify, so what it sent may be cut.
    case truncated
    /// A call into libssl failed, mostly because of what the other end sent.
    case library(OpenSSLError)

    /// One line.
    public var description: String {
        switch self {
        case .file(let path, let reason): "\(path) \(reason)"
        case .untrusted(let reason): "the certificate of the other end \(reason)"
        case .refused(let reason): "the other end refused the connection: \(reason)"
        case .notTLS: "the other end does not speak TLS"
        case .closedInHandshake: "the other end closed the connection during the handshake"
        case .truncated: "the connection was cut without close_notify"
        case .library(let error): "TLS failed: \(error.reason ?? error.function)"
        }
    }

    /// What the newest entry of this thread's error queue means, which is emptied. The result of the verification
    /// counts only during a handshake.
    static func last(_ function: String, verification: Int = Int(X509_V_OK)) -> TLSError {
        let code = ERR_peek_last_error()
        let error = OpenSSLError.last(function)
        if verification != Int(X509_V_OK) { return .untrusted(verdict(verification)) }
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

    private static func verdict(_ result: Int) -> String {
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
