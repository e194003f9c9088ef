// `clinicd serve`.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import Logging
internal import Monitoring
internal import PostgreSQL
internal import ProgramInput
internal import RPC
internal import ServiceLifecycle

struct ServeCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the clinic until SIGTERM, SIGINT or SIGQUIT.",
        discussion: """
            Without --database it starts a PostgreSQL of its own in the data directory and stops it at its end.

            Examples:
              clinicd serve
              clinicd serve --data-dir ./data --listen unix:./data/clinic.sock --listen tcp:127.0.0.1:7411
              clinicd serve --listen tls:0.0.0.0:7411 --tls-cert server.pem --tls-key server.key
            """)

    enum Name: String, OptionName {
        case listen
        case metrics
        case signingKeys = "signing-keys"

        var isRepeatable: Bool { self == .listen }
    }

    static let optionNames: [any OptionName] =
        Name.all + StorageOptions.Name.all + ClinicOptions.Name.all + PasswordOptions.Name.all
        + CertificateOptions.Name.all + PeerOptions.Name.all

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    @Option(
        name: Name.listen.specification,
        help: ArgumentHelp(
            "Where to listen, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; may be repeated (default: clinic.sock in "
                + "the data directory and tcp:127.0.0.1:7411).", valueName: "address"),
        transform: parseAddress)
    var listen: [Address] = []

    @OptionGroup var certificates: CertificateOptions
    @OptionGroup var peers: PeerOptions

    @Option(
        name: Name.metrics.specification,
        help: ArgumentHelp(
            "Where to answer GET /metrics, /healthz and /readyz over HTTP, HOST:PORT (default: nowhere).",
            valueName: "address"),
        transform: parseMetricsAddress)
    var metrics: MetricsAddress?

    @Option(
        name: Name.signingKeys.specification,
        help: ArgumentHelp(
            "The keys that tokens are signed with, the same file for all servers of a clinic: one key in base64 on each "
                + "line, the first signs; SIGHUP reads it again (default: signing-keys in the data directory).",
            valueName: "file"))
    var signingKeys: String?

    func run() async throws {
        DaemonSignals.ignoreOthers()
        raiseLimitOfOpenFiles()
        let logger = storage.logger(standardLevel: .info)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: Daemon(command: self, logger: logger),
                        successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: DaemonSignals.ending, logger: logger))
        try await group.run()
        logger.info("ended")
    }
}

/// Whether only this machine reaches a host; a name other than localhost may be any.
private func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
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

/// The running service: starts everything in order and stops it in the opposite order.
private struct Daemon: Service, CustomStringConvertible {
    let command: ServeCommand
    let logger: Logger
    /// ServiceLifecycle logs this; the options, the database's password among them, must not be logged.
    let description = "clinicd"
    /// How many seconds a database is waited for: machines start their services in any order.
    private static let usualWait = 60

    func run() async throws {
        let wanted = try command.clinic.wanted()
        if !Clinicd.ignoredVariables.isEmpty {
            logger.notice(
                "variables for PostgreSQL in the environment are not used; put what is needed into --database",
                metadata: ["variables": "\(Clinicd.ignoredVariables.joined(separator: " "))"])
        }
        for (name, meant) in Clinicd.misspeltVariables((try? ProgramInput.environment()) ?? [:]) {
            logger.warning(
                "a variable of the environment is not known",
                metadata: ["variable": "\(name)", "did_you_mean": "\(meant)"])
        }
        let directory = try command.storage.directory()
        let keys = try ServerSigningKeys.read(command.signingKeys, directory)
        let certificates = try command.certificates.certificates(
            for: command.listen, applicationProtocols: command.peers.applicationProtocols, logger)
        let location = try command.storage.location(in: directory)
        if case .url = location { TimelineFence.keep(in: directory.timelineFile) }
        let database: ClinicDatabase
        do {
            database = try await cancelWhenGracefulShutdown {
                try await ClinicDatabase.open(
                    location, settings: wanted,
                    waitingFor: .seconds(command.storage.waitForDatabase ?? Self.usualWait), logger: logger,
                    accessLogDays: command.peers.accessLogDays
                ) { pool in
                    pool.allowsUnsafeDurability = command.storage.allowUnsafeDurability
                }
            }
        } catch is CancellationError {
            return
        } catch let conflict as SettingsConflict {
            throw Failure(conflict)
        }
        if database.schema.servesAsOwner {
            logger.warning(
                """
                the role that serves owns the tables and can alter the audit trail; give --database another role, and this one as \
                --migrate-database
                """)
        }
        try await database.closing { database in
            guard let stored = database.settings else { return }
            let signingKeys = try await ServerSigningKeys(
                keys, from: command.signingKeys, sessionDays: command.peers.sessionDays, url: database.url,
                logger)
            let notingKeys = Task { await signingKeys.noteUsePeriodically(on: database.database) }
            defer { notingKeys.cancel() }
            let settings = try ClinicSettings(
                stored, maximumOpenBookings: command.peers.maxOpenBookings)
            var configuration = ClinicServer.Configuration(
                clinic: settings, signingKeys: keys,
                passwords: try BcryptPool(
                    cost: command.passwords.bcryptCost,
                    program: ("/proc/self/exe", [Clinicd.passwordProcess])))
            configuration.anonymousMethods = command.peers.anonymous
            configuration.sessionDays = command.peers.sessionDays
            configuration.protocols = command.peers.protocols
            configuration.allowedOrigins = Set(command.peers.allowOrigin)
            configuration.hostNames = Set(command.peers.hostName)
            configuration.transport = command.peers.serverConfiguration
            configuration.rateLimits = command.peers.rateLimits
            configuration.dataDirectory = directory.path
            configuration.transport.allowedPeerNames = Set(command.certificates.tlsClientName)
            try await serve(
                ClinicServer(configuration, database: database.database, logger: logger), directory,
                certificates, signingKeys)
        }
    }

    private func serve(
        _ server: ClinicServer, _ directory: DataDirectory, _ certificates: ServerCertificates?,
        _ signingKeys: ServerSigningKeys
    ) async throws {
        let pages = try await servePages(of: server)
        let reloading = await DaemonSignals.onHangUp {
            await signingKeys.reload()
            certificates?.reload()
            if command.signingKeys == nil, certificates == nil {
                logger.notice(
                    "SIGHUP has no effect: there are no certificates and no --signing-keys to read again")
            }
        }
        let returningMemory = Task { await ProcessMemory.trimPeriodically() }
        let watchingDisk = Task { [logger] in
            await DiskSpace.warnPeriodically(of: directory.path, logger: logger)
        }
        defer {
            reloading.cancel()
            returningMemory.cancel()
            watchingDisk.cancel()
        }
        do {
            try await listen(server, directory, certificates)
        } catch {
            await server.shutdown()
            await pages?.stop()
            throw error
        }
        try? await gracefulShutdown()
        logger.info("ending: calls in flight are answered first")
        await server.shutdown()
        await pages?.stop()
    }

    /// Serves the pages about the server, if the options name an address for them.
    private func servePages(of server: ClinicServer) async throws -> PageServer? {
        guard let address = command.metrics else { return nil }
        do {
            let pages = try await PageServer.start(host: address.host, port: address.port) { path, query in
                server.page(path, query: query)
            }
            say("metrics on \(address.host):\(pages.port)", as: command.storage.logFormat)
            return pages
        } catch {
            throw Failure(ListenError(.tcp(host: address.host, port: address.port), error))
        }
    }

    private func listen(
        _ server: ClinicServer, _ directory: DataDirectory, _ certificates: ServerCertificates?
    ) async throws {
        let standard = [directory.socket, Address.tcp(host: "127.0.0.1", port: 7411)]
        for address in command.listen.isEmpty ? standard : command.listen {
            let security: ChannelSecurity? = if case .tls = address { certificates?.security } else { nil }
            if case .tcp(let host, _) = address, !isLoopback(host) {
                logger.warning(
                    "passwords, tokens and health data cross the network in plain text; listen on tls: instead",
                    metadata: ["address": "\(address)"])
            }
            say(
                "listening on \(try await server.listen(on: address, security: security))",
                as: command.storage.logFormat)
        }
    }
}
