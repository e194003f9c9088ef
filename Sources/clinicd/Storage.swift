// The database of a command: the named one, the private cluster that a running daemon has open, or the private cluster
// started for as long as the command runs.

internal import ClinicStore
internal import Logging
internal import PostgreSQL
internal import RPC
internal import TTRPC

/// An open, migrated database.
struct Storage {
    let database: Database
    /// Where that is.
    let url: String
    private let schema: ClinicSchema
    private let cluster: PrivateCluster?

    /// How long a daemon that starts or stops may take until its database can be used by another command.
    private static let patience = Duration.seconds(30)

    /// Opens and migrates the database of the daemon itself. A cancelled task does not wait for the end of it.
    static func open(_ options: StorageOptions, logger: Logger) async throws -> Storage {
        if let url = options.database { return try await open(url: url, logger) }
        return try await openCluster(options.directory().path, logger)
    }

    /// Opens and migrates the database for a command that may run beside the daemon: where that has the private
    /// cluster open, it is used with it.
    static func openBesideDaemon(_ options: StorageOptions, logger: Logger) async throws -> Storage {
        if let url = options.database { return try await open(url: url, logger) }
        let directory = try options.directory().path
        let end = ContinuousClock.now + patience
        while true {
            do {
                if let url = PrivateCluster.runningURL(directory: directory) {
                    return try await open(url: url, logger)
                }
                return try await openCluster(directory, logger)
            } catch  where isPassing(error) && ContinuousClock.now < end {
                logger.debug("waiting for the daemon", metadata: ["reason": "\(explanation(of: error))"])
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Closes the database and stops what was started for it.
    func close() async {
        await database.close()
        await schema.close()
        await cluster?.stop()
    }

    /// Runs a body on the database and closes it, whatever comes of it.
    func closing<Value>(after body: (Database) async throws -> Value) async throws -> Value {
        do {
            let value = try await body(database)
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }

    private static func openCluster(_ directory: String, _ logger: Logger) async throws -> Storage {
        let cluster = try await PrivateCluster.start(.init(directory: directory), logger: logger)
        do {
            return try await open(url: cluster.url, niceness: 4, of: cluster, logger)
        } catch {
            await cluster.stop()
            throw error
        }
    }

    private static func open(
        url: String, niceness: Int32? = nil, of cluster: PrivateCluster? = nil, _ logger: Logger
    ) async throws -> Storage {
        try await whileWanted {
            let schema = try await ClinicSchema.open(url: url, logger: logger)
            var configuration = DatabaseConfiguration(url: url)
            configuration.searchPath = schema.searchPath
            configuration.niceness = niceness
            let database = Database(configuration: configuration, logger: logger)
            do {
                try await database.start()
            } catch {
                await schema.close()
                throw error
            }
            return Storage(database: database, url: url, schema: schema, cluster: cluster)
        }
    }

    /// Whether an error is that of a daemon that just starts or stops: its lock is there without a server, or its
    /// server takes nobody in.
    private static func isPassing(_ error: any Error) -> Bool {
        switch error {
        case let error as PrivateClusterError: error.kind == .inUse
        case MigrationError.database(let error): error.kind == .unavailable
        case let error as DatabaseError: error.kind == .unavailable
        default: false
        }
    }
}

/// Does something that cannot be interrupted, such as connecting or waiting for another program's migrations. A
/// cancelled task throws at once and leaves it to its fate; that is for the end of a process only.
private func whileWanted<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (results, continuation) = AsyncThrowingStream<Value, any Error>.makeStream()
    Task {
        do {
            continuation.yield(try await work())
            continuation.finish()
        } catch {
            continuation.finish(throwing: error)
        }
    }
    for try await value in results { return value }
    throw CancellationError()
}
