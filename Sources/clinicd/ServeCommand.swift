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

    static let optionNames = ServeOptions.optionNames

    @OptionGroup var options: ServeOptions

    func run() async throws {
        DaemonSignals.ignoreOthers()
        raiseLimitOfOpenFiles()
        try options.logFile.map(LogFile.init(path:))?.open()
        let logger = options.storage.logger(standardLevel: .info)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: Daemon(options: options, logger: logger),
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

/// The running service: starts everything in order and stops it in the opposite order.
private struct Daemon: Service, CustomStringConvertible {
    let options: ServeOptions
    let logger: Logger
    /// ServiceLifecycle logs this; the options, the database's password among them, must not be logged.
    let description = "clinicd"
    /// How many seconds a database is waited for: machines start their services in any order.
    private static let usualWait = 60

    func run() async throws {
        let wanted = try options.clinic.wanted()
        // Before programs are started that would inherit them.
        let sockets = ServiceManager.takeSockets()
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
        let directory = try options.storage.directory()
        let keys = try ServerSigningKeys.read(options.signingKeys, directory)
        let certificates = try options.certificates.certificates(
            for: options.listen, servesSecureSocket: sockets.contains { $0.isSecure },
            applicationProtocols: options.peers.applicationProtocols, logger)
        let location = try options.storage.location(in: directory)
        if case .url = location { TimelineFence.keep(in: directory.timelineFile) }
        let database: ClinicDatabase
        do {
            database = try await ServiceManager.extendingStart {
                try await cancelWhenGracefulShutdown {
                    try await ClinicDatabase.open(
                        location, settings: wanted,
                        waitingFor: .seconds(options.storage.waitForDatabase ?? Self.usualWait),
                        logger: logger,
                        accessLogDays: options.peers.accessLogDays
                    ) { pool in
                        pool.allowsUnsafeDurability = options.storage.allowUnsafeDurability
                    }
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
                keys, from: options.signingKeys, sessionDays: options.peers.sessionDays, url: database.url,
                logger)
            let notingKeys = Task { await signingKeys.noteUsePeriodically(on: database.database) }
            defer { notingKeys.cancel() }
            let settings = try ClinicSettings(
                stored, maximumOpenBookings: options.peers.maxOpenBookings)
            var configuration = ClinicServer.Configuration(
                clinic: settings, signingKeys: keys,
                passwords: try BcryptPool(
                    cost: options.passwords.bcryptCost,
                    program: ("/proc/self/exe", [Clinicd.passwordProcess])))
            configuration.anonymousMethods = options.peers.anonymous
            configuration.sessionDays = options.peers.sessionDays
            configuration.protocols = options.peers.protocols
            configuration.allowedOrigins = Set(options.peers.allowOrigin)
            configuration.hostNames = Set(options.peers.hostName)
            configuration.transport = options.peers.serverConfiguration
            configuration.rateLimits = options.peers.rateLimits
            configuration.dataDirectory = directory.path
            configuration.transport.allowedPeerNames = Set(options.certificates.tlsClientName)
            try await serve(
                ClinicServer(configuration, database: database.database, logger: logger), directory, sockets,
                certificates, signingKeys)
        }
    }

    private func serve(
        _ server: ClinicServer, _ directory: DataDirectory, _ sockets: [ServiceManager.Socket],
        _ certificates: ServerCertificates?, _ signingKeys: ServerSigningKeys
    ) async throws {
        let pages = try await servePages(of: server)
        let reloading = await DaemonSignals.onHangUp {
            await ServiceManager.reloading { await reload(certificates, signingKeys) }
        }
        let returningMemory = Task { await ProcessMemory.trimPeriodically() }
        let watchingDisk = Task { [logger] in
            await DiskSpace.warnPeriodically(of: directory.path, logger: logger)
        }
        let watching = Task { await ServiceManager.watch(server.checkEventLoops) }
        defer {
            watching.cancel()
            reloading.cancel()
            returningMemory.cancel()
            watchingDisk.cancel()
        }
        do {
            try await listen(server, directory, sockets, certificates)
            ServiceManager.notify("READY=1")
        } catch {
            await server.shutdown()
            await pages?.stop()
            throw error
        }
        try? await gracefulShutdown()
        ServiceManager.notify("STOPPING=1")
        logger.info("ending: calls in flight are answered first")
        await server.shutdown()
        await pages?.stop()
    }

    /// Reads again what can change while the server runs.
    private func reload(_ certificates: ServerCertificates?, _ signingKeys: ServerSigningKeys) async {
        if let path = options.logFile {
            do throws(Failure) {
                try LogFile(path: path).open()
            } catch {
                logger.error("the old log file stays in use", metadata: ["reason": "\(error)"])
            }
        }
        await signingKeys.reload()
        certificates?.reload()
        if options.signingKeys == nil, certificates == nil, options.logFile == nil {
            logger.notice(
                "SIGHUP has no effect: there are no certificates, no --signing-keys and no --log-file to read again"
            )
        }
    }

    /// Serves the pages about the server, if the options name an address for them.
    private func servePages(of server: ClinicServer) async throws -> PageServer? {
        guard let address = options.metrics else { return nil }
        do {
            let pages = try await PageServer.start(host: address.host, port: address.port) { path, query in
                server.page(path, query: query)
            }
            say("metrics on \(address.host):\(pages.port)", as: options.storage.logFormat)
            return pages
        } catch {
            throw Failure(ListenError(.tcp(host: address.host, port: address.port), error))
        }
    }

    private func listen(
        _ server: ClinicServer, _ directory: DataDirectory, _ sockets: [ServiceManager.Socket],
        _ certificates: ServerCertificates?
    ) async throws {
        for socket in sockets {
            let security = socket.isSecure ? certificates?.security : nil
            say(
                "listening on \(try await server.listen(onSocket: socket.descriptor, security: security))",
                as: options.storage.logFormat)
        }
        let standard = sockets.isEmpty ? [directory.socket, .tcp(host: "127.0.0.1", port: 7411)] : []
        for address in options.listen.isEmpty ? standard : options.listen {
            let security: ChannelSecurity? = if case .tls = address { certificates?.security } else { nil }
            if case .tcp(let host, _) = address, !isLoopback(host) {
                logger.warning(
                    "passwords, tokens and health data cross the network in plain text; listen on tls: instead",
                    metadata: ["address": "\(address)"])
            }
            say(
                "listening on \(try await server.listen(on: address, security: security))",
                as: options.storage.logFormat)
        }
    }
}
