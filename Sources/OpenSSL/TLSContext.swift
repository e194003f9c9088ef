// Settings shared by TLS connections: certificates, accepted peers, session resumption. A context is immutable:
// when its files change, a server creates a new context for new connections. The old context's session tickets
// become invalid with it, so a client of a removed authority cannot resume.

internal import COpenSSL
internal import Glibc
public import NIOCore
internal import Synchronization

/// What a server offers by ALPN (RFC 7301).
public enum ApplicationProtocols: Sendable {
    /// The extension is ignored.
    case none
    /// `h2`.
    case http2
    /// `h2`, and `http/1.1` to clients that do not offer it.
    case http2AndHTTP1

    /// The names, each behind a byte with its length.
    var list: StaticString? {
        switch self {
        case .none: nil
        case .http2: "\u{2}h2"
        case .http2AndHTTP1: "\u{2}h2\u{8}http/1.1"
        }
    }
}

/// Certificates and settings for TLS 1.2 and 1.3.
public final class TLSContext: Sendable {
    /// Owns the C context, which threads may share after setup.
    private typealias Handle = SharedPointer

    /// A client's session and the host it belongs to; holds its own reference.
    private struct SavedSession {
        let shared: SharedPointer
        let host: String

        init(pointer: OpaquePointer, host: String) {
            shared = SharedPointer(pointer: pointer)
            self.host = host
        }

        var pointer: OpaquePointer { shared.pointer }
    }

    private let handle: Handle
    private let session = Mutex<SavedSession?>(nil)

    /// Makes a server's context from PEM files: its certificate followed by the chain, and its key. With
    /// `clientAuthorities`, only clients with a certificate of one of these authorities may connect; with `revocations`
    /// (PEM), only if a current list of each authority in its chain is there and does not have it. With
    /// `applicationProtocols` clients that ask for a protocol by ALPN get the first of them that they offer, or are refused;
    /// clients that do not ask are served. Throws a `TLSError` that names the faulty file.
    public init(
        serverCertificate: String, key: String, clientAuthorities: String? = nil, revocations: String? = nil,
        applicationProtocols: ApplicationProtocols = .none
    ) throws(TLSError) {
        handle = Handle(pointer: try Self.make(TLS_server_method()))
        try use(certificate: serverCertificate, key: key)
        SSL_CTX_set_options(pointer, clinic_SSL_OP_CIPHER_SERVER_PREFERENCE)
        // Clients hold their sessions as tickets, so the server needs no memory for them.
        _ = clinic_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        var name = Array("clinic".utf8)
        guard SSL_CTX_set_session_id_context(pointer, &name, UInt32(name.count)) == 1 else {
            throw .last("SSL_CTX_set_session_id_context")
        }
        select(applicationProtocols)
        if let clientAuthorities {
            try trust(clientAuthorities)
            SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(clientAuthorities))
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            if let revocations { try refuse(revocations) }
            try recheckCertificatesOnResumption()
        }
    }

    /// Makes a client's context from PEM files: the authorities to trust (the system's if nil), and a certificate
    /// with its key for servers that require one. Throws a `TLSError` that names the faulty file.
    public init(authorities: String? = nil, certificate: (file: String, key: String)? = nil) throws(TLSError)
    {
        handle = Handle(pointer: try Self.make(TLS_client_method()))
        if let authorities {
            try trust(authorities)
        } else {
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw .last("SSL_CTX_set_default_verify_paths")
            }
        }
        if let certificate { try use(certificate: certificate.file, key: certificate.key) }
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        _ = clinic_SSL_CTX_set_session_cache_mode(
            pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE))
        SSL_CTX_sess_set_new_cb(pointer) { ssl, session in TLSConnection.saveSession(session, of: ssl) ? 1 : 0
        }
    }

    deinit {
        session.withLock { if let session = $0 { SSL_SESSION_free(session.pointer) } }
        SSL_CTX_free(pointer)
    }

    /// Adds TLS to a channel, on its event loop. A client passes the host that the server's certificate must be
    /// for.
    ///
    /// The future succeeds after the handshake with the names in the peer's certificate, or nil if there is none;
    /// further handlers can be added then. It fails with a `TLSError`, and the channel is closed. This function
    /// sets no time limit.
    public func secure(
        _ channel: any Channel, host: String? = nil
    ) throws -> EventLoopFuture<CertificateNames?> {
        let connection = try TLSConnection(self, host: host)
        let secured = channel.eventLoop.makePromise(of: CertificateNames?.self)
        do {
            try channel.pipeline.syncOperations.addHandler(TLSHandler(connection, secured: secured))
        } catch {
            secured.fail(error)
            throw error
        }
        return secured.futureResult
    }

    var pointer: OpaquePointer { handle.pointer }

    // MARK: Client sessions

    /// Saves the latest session and takes over its reference.
    func saveSession(_ new: OpaquePointer, host: String) {
        let saved = SavedSession(pointer: new, host: host)
        let old = session.withLock { session in
            defer { session = saved }
            return session
        }
        if let old { SSL_SESSION_free(old.pointer) }
    }

    /// Offers the saved session if it belongs to this host.
    func resumeSession(_ ssl: OpaquePointer, host: String) {
        let ssl = Handle(pointer: ssl)
        session.withLock { session in
            guard let session, session.host == host else { return }
            _ = SSL_set_session(ssl.pointer, session.pointer)
        }
    }

    // MARK: Setup

    /// Checks the validity of the client's certificate again on resumption, because libssl checks it only in a full
    /// handshake. With an expired certificate the session is not resumed, and the full handshake then fails with
    /// the reason.
    private func recheckCertificatesOnResumption() throws(TLSError) {
        let isSet = SSL_CTX_set_session_ticket_cb(
            pointer, { _, _ in 1 },
            { _, session, _, _, status, _ in
                switch status {
                case SSL_TICKET_SUCCESS, SSL_TICKET_SUCCESS_RENEW:
                    guard let session, PEMFile.isValidNow(SSL_SESSION_get0_peer(session)) else {
                        return SSL_TICKET_RETURN_IGNORE_RENEW
                    }
                    return status == SSL_TICKET_SUCCESS
                        ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
                default: return SSL_TICKET_RETURN_IGNORE_RENEW
                }
            }, nil)
        guard isSet == 1 else { throw .last("SSL_CTX_set_session_ticket_cb") }
    }

    /// Selects the first of these protocols that a client offers.
    private func select(_ protocols: ApplicationProtocols) {
        let select:
            @convention(c) (
                OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
                UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
            ) -> CInt = { _, selected, length, offered, count, list in
                guard let list = UnsafePointer(list?.assumingMemoryBound(to: UInt8.self)) else {
                    return SSL_TLSEXT_ERR_NOACK
                }
                var found: UnsafeMutablePointer<UInt8>?
                let result = SSL_select_next_proto(
                    &found, length, list,
                    UInt32(strlen(UnsafeRawPointer(list).assumingMemoryBound(to: CChar.self))),
                    offered, count)
                guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                selected?.pointee = UnsafePointer(found)
                return SSL_TLSEXT_ERR_OK
            }
        guard let list = protocols.list else { return }
        SSL_CTX_set_alpn_select_cb(pointer, select, UnsafeMutableRawPointer(mutating: list.utf8Start))
    }

    private static func make(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
        OpenSSLError.clear()
        guard let pointer = SSL_CTX_new(method) else { throw .last("SSL_CTX_new") }
        SSL_CTX_set_options(pointer, clinic_SSL_OP_NO_COMPRESSION | clinic_SSL_OP_NO_RENEGOTIATION)
        // Frees a connection's record buffers of 33 KiB while it is idle.
        _ = clinic_SSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
        guard clinic_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION) == 1,
            // Finite-field groups cost a server a hundred times as much, at a client's choice (CVE-2002-20001).
            clinic_SSL_CTX_set1_groups_list(pointer, "X25519:P-256:P-384") == 1,
            // Applies to TLS 1.2 only; all suites of 1.3 are acceptable.
            SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
        else {
            let failure = TLSError.last("SSL_CTX_set_cipher_list")
            SSL_CTX_free(pointer)
            throw failure
        }
        // Without this callback libcrypto would prompt for the password of an encrypted key on the terminal.
        SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
        return pointer
    }

    private func trust(_ authorities: String) throws(TLSError) {
        try PEMFile.check(authorities)
        OpenSSLError.clear()
        guard SSL_CTX_load_verify_file(pointer, authorities) == 1 else {
            OpenSSLError.clear()
            throw .file(path: authorities, reason: "holds no certificate of an authority in PEM form")
        }
    }

    /// Refuses the certificates that lists of their authorities revoke, and those whose authority has no current list.
    private func refuse(_ lists: String) throws(TLSError) {
        try PEMFile.check(lists)
        OpenSSLError.clear()
        let store = SSL_CTX_get_cert_store(pointer)
        guard let lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file()),
            X509_load_crl_file(lookup, lists, X509_FILETYPE_PEM) > 0
        else {
            OpenSSLError.clear()
            throw .file(path: lists, reason: "holds no certificate revocation list in PEM form")
        }
        guard X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)) == 1 else {
            throw .last("X509_STORE_set_flags")
        }
    }

    private func use(certificate: String, key: String) throws(TLSError) {
        try PEMFile.check(certificate)
        OpenSSLError.clear()
        guard SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
            let failure = OpenSSLError.last("SSL_CTX_use_certificate_chain_file")
            let reason = failure.reason == "no start line" ? nil : failure.reason
            throw .file(
                path: certificate,
                reason: "holds no certificate in PEM form" + (reason.map { " (\($0))" } ?? ""))
        }
        try PEMFile.checkValidity(of: SSL_CTX_get0_certificate(pointer), in: certificate)
        let privateKey = try PEMFile.privateKey(key)
        defer { EVP_PKEY_free(privateKey) }
        OpenSSLError.clear()
        guard SSL_CTX_use_PrivateKey(pointer, privateKey) == 1, SSL_CTX_check_private_key(pointer) == 1 else {
            OpenSSLError.clear()
            throw .file(path: key, reason: "is not the key of the certificate in \(certificate)")
        }
    }
}
