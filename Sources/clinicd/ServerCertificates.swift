// The certificates of the `tls:` listeners. SIGHUP reads them again, as programs that renew certificates expect: new
// connections get the new certificate, open ones keep theirs. If reloading fails, the current certificates stay in use.

internal import ArgumentParser
internal import Glibc
internal import Logging
internal import NIOCore
internal import OpenSSL
internal import RPC
internal import Synchronization

/// The files of the certificates.
struct CertificateOptions: ParsableArguments {
    enum Name: String, OptionName {
        case tlsCert = "tls-cert"
        case tlsKey = "tls-key"
        case tlsClientCa = "tls-client-ca"
        case tlsClientName = "tls-client-name"
        case tlsCrl = "tls-crl"

        var isRepeatable: Bool { self == .tlsClientName }
    }

    @Option(
        name: Name.tlsCert.specification,
        help: ArgumentHelp(
            "The certificate of tls: listeners with its chain, a PEM file; SIGHUP reads it again.",
            valueName: "file"))
    var tlsCert: String?

    @Option(
        name: Name.tlsKey.specification,
        help: ArgumentHelp("The key of that certificate, a PEM file.", valueName: "file"))
    var tlsKey: String?

    @Option(
        name: Name.tlsClientCa.specification,
        help: ArgumentHelp(
            "Accept only clients with a certificate of these authorities, a PEM file.", valueName: "file"))
    var tlsClientCa: String?

    @Option(
        name: Name.tlsClientName.specification,
        help: ArgumentHelp(
            "Accept only clients whose certificate has this common name, DNS name or URI; may be repeated.",
            valueName: "name"))
    var tlsClientName: [String] = []

    @Option(
        name: Name.tlsCrl.specification,
        help: ArgumentHelp(
            "Refuse client certificates that these revocation lists name, a PEM file with a current list of each "
                + "authority; SIGHUP reads it again.", valueName: "file"))
    var tlsCrl: String?

    func validate() throws {
        if tlsClientName.contains("") { throw ValidationError("--tls-client-name needs a name") }
    }

    /// The certificates that the options name; nil without TLS. Throws if an option that needs another lacks it.
    func certificates(
        for listeners: [Address], servesSecureSocket: Bool = false,
        applicationProtocols: ApplicationProtocols, _ logger: Logger
    ) throws -> ServerCertificates? {
        guard tlsClientName.isEmpty || tlsClientCa != nil else {
            throw Failure("--tls-client-name needs --tls-client-ca")
        }
        guard tlsCrl == nil || tlsClientCa != nil else { throw Failure("--tls-crl needs --tls-client-ca") }
        let secure = listeners.first { if case .tls = $0 { true } else { false } }
        guard let tlsCert, let tlsKey else {
            if let secure { throw Failure("--listen \(secure) needs --tls-cert and --tls-key") }
            if servesSecureSocket {
                throw Failure("a socket with the name tls needs --tls-cert and --tls-key")
            }
            if tlsCert != nil { throw Failure("--tls-cert needs --tls-key") }
            if tlsKey != nil { throw Failure("--tls-key needs --tls-cert") }
            if tlsClientCa != nil { throw Failure("--tls-client-ca needs --tls-cert and --tls-key") }
            return nil
        }
        let certificates = try ServerCertificates(
            certificate: tlsCert, key: tlsKey, clientAuthorities: tlsClientCa, revocations: tlsCrl,
            applicationProtocols: applicationProtocols, logger: logger)
        if secure == nil, !servesSecureSocket {
            logger.warning("the TLS files are not used: no --listen is a tls: address")
        }
        return certificates
    }
}

/// The certificates in use.
final class ServerCertificates: Sendable {
    private let certificate: String
    private let key: String
    private let clientAuthorities: String?
    private let revocations: String?
    private let applicationProtocols: ApplicationProtocols
    private let logger: Logger
    private let current: Mutex<TLSContext>

    /// Reads the files; throws what is wrong with them.
    init(
        certificate: String, key: String, clientAuthorities: String?, revocations: String?,
        applicationProtocols: ApplicationProtocols, logger: Logger
    ) throws(TLSError) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
        self.revocations = revocations
        self.applicationProtocols = applicationProtocols
        self.logger = logger
        current = Mutex(
            try TLSContext(
                serverCertificate: certificate, key: key, clientAuthorities: clientAuthorities,
                revocations: revocations, applicationProtocols: applicationProtocols))
        warnOfOpenKey()
    }

    /// Reads the files again.
    func reload() {
        do throws(TLSError) {
            let next = try TLSContext(
                serverCertificate: certificate, key: key, clientAuthorities: clientAuthorities,
                revocations: revocations, applicationProtocols: applicationProtocols)
            current.withLock { $0 = next }
            warnOfOpenKey()
            logger.info("new certificates are in use")
        } catch {
            logger.error("the old certificates stay in use", metadata: ["reason": "\(error)"])
        }
    }

    /// Secures a connection with the current certificates.
    var security: ChannelSecurity {
        { channel in
            try self.current.withLock { $0 }.secure(channel).map { names in
                names.map { .init(commonName: $0.commonName, alternativeNames: $0.alternativeNames) }
            }
        }
    }

    private func warnOfOpenKey() {
        var status = stat()
        guard stat(key, &status) == 0, status.st_mode & 0o007 != 0 else { return }
        logger.warning(
            "every user of this machine may read the key; run chmod o= on it", metadata: ["key": "\(key)"])
    }
}
