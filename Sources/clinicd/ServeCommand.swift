// `clinicd serve`.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicService
internal import ClinicStore
internal import Logging
internal import Monitoring
internal import NIOPosix
internal import PostgreSQL
internal import RPC
internal import ServiceLifecycle
internal import TTRPC
internal import TTRPCMessages
internal import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the clinic until SIGTERM or SIGINT.",
        discussion: """
            Without --database it starts a PostgreSQL of its own in the data directory and stops it at its end.

            Examples:
              clinicd serve
              clinicd serve --data-dir ./data --listen unix:./data/clinic.sock --listen tcp:127.0.0.1:7411
              clinicd serve --listen tls:0.0.0.0:7411 --tls-cert server.pem --tls-key server.key
            """)

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    @Option(
        help: ArgumentHelp(
            "Where to listen, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; may be repeated (default: clinic.sock in "
                + "the data directory and tcp:127.0.0.1:7411).", valueName: "address"),
        transform: parseAddress)
    var listen: [Address] = []

    @OptionGroup var certificates: CertificateOptions
    @OptionGroup var peers: PeerOptions

    @Option(
        help: ArgumentHelp(
            "Where to answer GET /metrics, /healthz and /readyz over HTTP, HOST:PORT (default: nowhere).",
            valueName: "address"),
        transform: parseMetricsAddress)
    var metrics: MetricsAddress?

    func run() async throws {
        raiseLimitOfOpenFiles()
        let logger = storage.logger(standardLevel: .info)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: Daemon(command: self, logger: logger),
                        successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

private func parseAddress(_ text: String) throws -> Address {
    do throws(AddressError) {
        return try Address(parsing: text)
    } catch {
        throw ValidationError(error.reason)
    }
}

/// Where the pages about the service are.
struct MetricsAddress {
    let host: String
    let port: Int
}

private func parseMetricsAddress(_ text: String) throws -> MetricsAddress {
    guard case .tcp(let host, let port)? = try? Address(parsing: "tcp:" + text) else {
        throw ValidationError("give HOST:PORT, an IPv6 host in brackets")
    }
    return MetricsAddress(host: host, port: port)
}

/// The running service: everything is started in order and stopped in the opposite one.
private struct Daemon: Service, CustomStringConvertible {
    let command: ServeCommand
    let logger: Logger
    /// The log names services; the options, with the database's password among them, are nothing for it.
    let description = "clinicd"

    func run() async throws {
        let settings = try command.clinic.settings()
        let directory = try command.storage.directory()
        let keys = try SigningKeys.loadOrCreate(at: directory.keyFile)
        let certificates = try command.certificates.certificates(for: command.listen, logger)
        let storage: Storage
        do {
            storage = try await cancelWhenGracefulShutdown {
                try await Storage.open(command.storage, logger: logger)
            }
        } catch is CancellationError {
            return
        }
        try await storage.closing { database in
            try await serve(settings, directory, keys, certificates, database)
        }
    }

    private func serve(
        _ settings: ClinicSettings, _ directory: DataDirectory, _ keys: SigningKeys,
        _ certificates: ServerCertificates?, _ database: Database
    ) async throws {
        let health = HealthService(services: clinicServiceNames)
        let passwords = try BcryptPool(cost: command.passwords.bcryptCost)
        let methods = try clinicMethods(
            ClinicDependencies(
                clinic: settings, stores: Stores(database: database), passwords: passwords, signingKeys: keys,
                health: health, logger: logger))
        let registry = MetricsRegistry(families: serverFamilies)
        var configuration = command.peers.serverConfiguration
        configuration.allowedPeerNames = Set(command.certificates.tlsClientName)
        configuration.errorDomain = clinicErrorDomain
        configuration.metricsPrefix = "clinic"
        let server = Server(
            router: methods, wire: .ttrpc, configuration: configuration,
            group: MultiThreadedEventLoopGroup.singleton,
            logger: logger, metrics: registry)
        let pages = try await serve(
            ServicePages(
                registry: registry, server: server, database: database, passwords: passwords, health: health))
        let reloading = await certificates?.reloadingOnHangUp()
        let givingBack = Task { await ProcessMemory.trimPeriodically() }
        defer {
            reloading?.cancel()
            givingBack.cancel()
        }
        do {
            try await listen(server, directory, certificates)
            await serveUntilShutdown(server, database, health)
        } catch {
            await pages?.stop()
            throw error
        }
        await pages?.stop()
    }

    /// Serves the pages about the service, if they are wanted.
    private func serve(_ pages: ServicePages) async throws -> PageServer? {
        guard let address = command.metrics else { return nil }
        do {
            let server = try await PageServer.start(host: address.host, port: address.port) { path in
                pages.page(path)
            }
            say("metrics on \(address.host):\(server.port)")
            return server
        } catch {
            throw Failure(ListenError(.tcp(host: address.host, port: address.port), error))
        }
    }

    private func listen(
        _ server: Server, _ directory: DataDirectory, _ certificates: ServerCertificates?
    ) async throws {
        let standard = [directory.socket, Address.tcp(host: "127.0.0.1", port: 7411)]
        do {
            for address in command.listen.isEmpty ? standard : command.listen {
                let security: ChannelSecurity? =
                    if case .tls = address { certificates?.security } else { nil }
                say("listening on \(try await server.listen(on: address, security: security))")
            }
        } catch {
            await server.shutdown()
            throw error
        }
    }

    private func serveUntilShutdown(
        _ server: Server, _ database: Database, _ health: HealthService
    ) async {
        let following = Task {
            for await isAvailable in database.availability() {
                report(isAvailable ? .serving : .notServing, on: health)
            }
        }
        try? await gracefulShutdown()
        following.cancel()
        await following.value
        report(.notServing, on: health)
        await server.shutdown()
    }

    /// Says the same of the server as a whole and of each of its services: all of them need the database.
    private func report(_ status: HealthCheckResponse.ServingStatus, on health: HealthService) {
        for service in [""] + clinicServiceNames { health.setStatus(status, for: service) }
    }
}
