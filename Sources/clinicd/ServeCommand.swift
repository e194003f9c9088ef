// `clinicd serve`.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicService
internal import Logging
internal import NIOPosix
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
            """)

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    @Option(
        help: ArgumentHelp(
            "Where to listen, unix:PATH or tcp:HOST:PORT; may be repeated (default: clinic.sock in the data "
                + "directory and tcp:127.0.0.1:7411).", valueName: "address"),
        transform: { text in
            do { return try Address(parsing: text) } catch { throw ValidationError("--listen: \(error)") }
        })
    var listen: [Address] = []

    func run() async throws {
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

/// The running service: everything is started in order and stopped in the opposite one.
private struct Daemon: Service {
    let command: ServeCommand
    let logger: Logger

    func run() async throws {
        let settings = try command.clinic.settings()
        let directory = try command.storage.directory()
        let keys: SigningKeys
        do { keys = try SigningKeys.loadOrCreate(at: directory.keyFile) } catch { throw Failure("\(error)") }
        let storage = try await Storage.open(command.storage, borrowing: false, logger: logger)
        do {
            try await serve(settings, directory, keys, storage)
        } catch {
            await storage.close()
            throw error
        }
        await storage.close()
    }

    private func serve(
        _ settings: ClinicSettings, _ directory: DataDirectory, _ keys: SigningKeys, _ storage: Storage
    ) async throws {
        let health = HealthService(services: clinicServiceNames)
        let methods = try clinicMethods(
            ClinicDependencies(
                clinic: settings, database: storage.database,
                passwords: try BcryptPool(cost: command.passwords.bcryptCost), signingKeys: keys,
                health: health,
                logger: logger))
        let group = MultiThreadedEventLoopGroup.singleton
        let server = Server(
            methods: methods, configuration: ServerConfiguration(), group: group, logger: logger)
        let standard = [directory.socket, Address.tcp(host: "127.0.0.1", port: 7411)]
        do {
            for address in command.listen.isEmpty ? standard : command.listen {
                say("listening on \(try await server.listen(on: address))")
            }
        } catch {
            await server.shutdown()
            throw Failure("\(error)")
        }
        try? await gracefulShutdown()
        health.setStatus(.notServing)
        await server.shutdown()
    }
}
