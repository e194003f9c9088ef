// One libssl connection without a socket: encrypted bytes on one side, plaintext on the other. Every non-blocking
// libssl call maps to one of four outcomes, so callers need not know libssl's error codes.

internal import COpenSSL
internal import Glibc
internal import NIOCore

/// Owns one `SSL`. Confined to one thread.
final class TLSConnection {
    /// The outcome of a call.
    enum Outcome {
        case complete
        /// The call needs more bytes from the peer.
        case incomplete
        /// The peer has sent close_notify.
        case ended
        case failed(TLSError)
    }

    /// The longest plaintext of a record (RFC 8446, section 5.1), and an upper bound of what encryption adds to it.
    private static let maximumRecordBytes = 16_384
    private static let recordOverhead = 64

    let wire = TLSWire()
    /// A server may replace its context while this connection keeps using its own.
    private let context: TLSContext
    private let host: String?
    private let ssl: OpaquePointer
    private var hasFailed = false

    /// Makes a client's connection to `host`, or a server's connection if `host` is nil.
    init(_ context: TLSContext, host: String?) throws(TLSError) {
        self.context = context
        self.host = host
        OpenSSLError.clear()
        guard let ssl = SSL_new(context.pointer) else { throw .last("SSL_new") }
        self.ssl = ssl
        guard let bio = wire.makeBIO() else { throw .last("BIO_new") }
        // One BIO serves both directions; SSL takes over our only reference to it.
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if let host {
            SSL_set_connect_state(ssl)
            try requireCertificate(for: host)
            context.resumeSession(ssl, host: host)
        } else {
            SSL_set_accept_state(ssl)
        }
    }

    deinit {
        // Otherwise libssl treats a connection without close_notify as attacked and invalidates its session.
        if !hasFailed { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// Continues the handshake.
    func handshake() -> Outcome {
        OpenSSLError.clear()
        let result = SSL_do_handshake(ssl)
        return result == 1 ? .complete : outcome(of: result, "SSL_do_handshake", isHandshake: true)
    }

    /// The names in the peer's certificate once the handshake is complete; nil if it has none.
    var peerNames: CertificateNames? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        return CertificateNames(certificate)
    }

    /// Decrypts received bytes, up to about `limit` bytes of plaintext. `complete` means that there may be more.
    func read(into plaintext: inout ByteBuffer, atMost limit: Int) -> Outcome {
        while plaintext.readableBytes < limit {
            var count = 0
            var result: CInt = 0
            OpenSSLError.clear()
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: nextReadBytes) { memory in
                result = SSL_read_ex(ssl, memory.baseAddress, memory.count, &count)
                return count
            }
            guard result == 1 else { return outcome(of: result, "SSL_read_ex") }
            // Saves the libssl call that would only report that it needs more bytes.
            if wire.incomingBytes == 0, SSL_has_pending(ssl) == 0 { return .incomplete }
        }
        return .complete
    }

    /// Encrypts bytes into the outgoing buffer.
    func write(_ plaintext: ByteBuffer) -> Outcome {
        let byteCount = plaintext.readableBytes
        guard byteCount > 0 else { return .complete }
        let records = byteCount / Self.maximumRecordBytes + 1
        wire.reserveOutgoing(byteCount + records * Self.recordOverhead)
        var count = 0
        OpenSSLError.clear()
        let result = plaintext.withUnsafeReadableBytes {
            SSL_write_ex(ssl, $0.baseAddress, $0.count, &count)
        }
        return result == 1 ? .complete : outcome(of: result, "SSL_write_ex")
    }

    /// Sends close_notify: no more plaintext follows.
    func endOutput() {
        guard !hasFailed else { return }
        OpenSSLError.clear()
        _ = SSL_shutdown(ssl)
        OpenSSLError.clear()
    }

    /// An upper bound of the plaintext available: encryption never shortens it.
    private var nextReadBytes: Int {
        let pending = Int(SSL_pending(ssl))
        return min(max(pending, wire.incomingBytes, 512), Self.maximumRecordBytes)
    }

    private func outcome(of result: CInt, _ function: String, isHandshake: Bool = false) -> Outcome {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .incomplete
        case SSL_ERROR_ZERO_RETURN: return .ended
        default:
            hasFailed = true
            let verification = isHandshake ? SSL_get_verify_result(ssl) : Int(X509_V_OK)
            return .failed(.last(function, verification: verification))
        }
    }

    /// Requires a certificate for this host: an IP address must match the certificate's addresses, a name its DNS
    /// names. The subject is never used.
    private func requireCertificate(for host: String) throws(TLSError) {
        OpenSSLError.clear()
        var address = in6_addr()
        let isIPAddress = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
        if isIPAddress {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 else {
                throw .last("X509_VERIFY_PARAM_set1_ip_asc")
            }
        } else {
            SSL_set_hostflags(
                ssl, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            guard SSL_set1_host(ssl, host) == 1, clinic_SSL_set_tlsext_host_name(ssl, host) == 1 else {
                throw .last("SSL_set1_host")
            }
        }
    }

    /// Saves a client's session for its next connection; libssl calls it when the server sends a ticket.
    static func saveSession(_ session: OpaquePointer?, of ssl: OpaquePointer?) -> Bool {
        guard let session, let data = SSL_get_ex_data(ssl, 0) else { return false }
        let connection = Unmanaged<TLSConnection>.fromOpaque(data).takeUnretainedValue()
        guard let host = connection.host else { return false }
        connection.context.saveSession(session, host: host)
        return true
    }
}
