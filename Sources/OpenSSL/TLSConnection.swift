// One libssl connection, without a socket: encrypted bytes on one side, plain ones on the other. Each of libssl's
// calls that cannot block ends in one of four ways, and nobody above has to know its error codes.

internal import COpenSSL
internal import Glibc
internal import NIOCore

/// Owns one `SSL`. Used on one thread.
final class TLSConnection {
    /// How a call ended.
    enum Outcome {
        case complete
        /// More bytes have to come from the other end first.
        case incomplete
        /// The other end has said that it sends no more (close_notify).
        case ended
        case failed(TLSError)
    }

    /// The longest plaintext of one record (RFC 8446, section 5.1), and more than what a record adds to it.
    private static let maximumRecordBytes = 16_384
    private static let recordOverhead = 64

    let wire = TLSWire()
    /// The context may be replaced in the server while this connection goes on with it.
    private let context: TLSContext
    private let host: String?
    private let ssl: OpaquePointer
    private var hasFailed = false

    /// A connection of a server, or with the name of the host a client's.
    init(_ context: TLSContext, host: String?) throws(TLSError) {
        self.context = context
        self.host = host
        OpenSSLError.clear()
        guard let ssl = SSL_new(context.pointer) else { throw .last("SSL_new") }
        self.ssl = ssl
        guard let bio = wire.makeBIO() else { throw .last("BIO_new") }
        // One BIO for both ways; the connection takes our only reference to it.
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if let host {
            SSL_set_connect_state(ssl)
            try expect(host)
            context.resume(ssl, host: host)
        } else {
            SSL_set_accept_state(ssl)
        }
    }

    deinit {
        // Without this libssl takes a connection that was cut for an attack and its session for spoilt.
        if !hasFailed { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// Goes on with the handshake.
    func handshake() -> Outcome {
        OpenSSLError.clear()
        let result = SSL_do_handshake(ssl)
        return result == 1 ? .complete : outcome(of: result, "SSL_do_handshake", isHandshake: true)
    }

    /// Who the other end is by its certificate, once the handshake is complete; nil if it has none.
    var peerNames: CertificateNames? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        return CertificateNames(certificate)
    }

    /// Decrypts what came, at most so many bytes at a time. `complete` means that there may be more.
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
            // Saves libssl the call that would only say so.
            if wire.incomingBytes == 0, SSL_has_pending(ssl) == 0 { return .incomplete }
        }
        return .complete
    }

    /// Encrypts bytes into the wire's outgoing buffer.
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

    /// Says that nothing more will be sent (close_notify).
    func endOutput() {
        guard !hasFailed else { return }
        OpenSSLError.clear()
        _ = SSL_shutdown(ssl)
        OpenSSLError.clear()
    }

    /// As much as can come out of what is there: what is encrypted is never shorter than what it says.
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

    /// Accepts only a certificate that is for this host: a literal address by the addresses in it, a name by the
    /// DNS names in it, never by its subject.
    private func expect(_ host: String) throws(TLSError) {
        OpenSSLError.clear()
        var address = in6_addr()
        let isLiteral = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
        if isLiteral {
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

    /// Keeps the session of a client for its next connection; called by libssl when the server sends a ticket.
    static func keep(_ session: OpaquePointer?, of ssl: OpaquePointer?) -> Bool {
        guard let session, let data = SSL_get_ex_data(ssl, 0) else { return false }
        let connection = Unmanaged<TLSConnection>.fromOpaque(data).takeUnretainedValue()
        guard let host = connection.host else { return false }
        connection.context.keep(session, host: host)
        return true
    }
}
