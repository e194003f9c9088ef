// Opens the database of a command: the one that a URL names, the private cluster that a running server has open, or the
// private cluster, started for as long as the command runs.

public import ClinicStore
public import Logging
public import PostgreSQL

/// Where a clinic's database is.
public enum DatabaseLocation: Sendable {
    /// A PostgreSQL 15 or newer that somebody else runs, as a connection URL. `owner` is the same under the role that owns the
    /// tables, where the first is of a role that only serves.
    case url(String, owner: String? = nil)
    /// A PostgreSQL in this data directory that is started with the server and stopped after it.
    case privateCluster(directory: String)
}

/// An open database whose schema is up to date.
public struct ClinicDatabase: Sendable {
    /// The pool of its connections.
    public let database: Database
    /// Where it is, as a connection URL under the role that owns the tables if that is known.
    public let url: String
    /// The schema, whose functions and views are held for as long as the database is open.
    public let schema: ClinicSchema
    /// The stored settings of the clinic; nil if the command does not go by them.
    public let settings: SettingsRecord?
    private let cluster: PrivateCluster?

    /// How long a command waits for a server that starts or stops at the same time.
    private static let startOrStopTime = Duration.seconds(30)
    /// The time between two attempts to reach a database that is waited for, and between two lines of the log about it.
    private static let timeBetweenAttempts = Duration.milliseconds(500)
    private static let timeBetweenLines = Duration.seconds(10)
    /// The nice value of the read backends of a private cluster. They run behind this process, so that it can reject
    /// calls promptly under overload. Backends that write keep their priority: they hold locks that others wait for.
    private static let readBackendNiceness: Int32 = 4

    /// Opens and migrates the database of a server. Throws `PrivateClusterError`, `MigrationError` or `DatabaseError`;
    /// a cancelled task throws `CancellationError` at once, which is for the end of a process only.
    ///
    /// - Parameters:
    ///   - settings: the settings by which the server decides, which are stored if there are none. Throws `SettingsConflict` when
    ///     the stored ones differ. Nil if nothing is decided.
    ///   - patience: for how long a database of somebody else is waited for that does not accept connections yet.
    ///   - accessLogDays: for how many days entries of the access log are kept, at least 30.
    ///   - configure: changes how the pool connects and queues.
    public static func open(
        _ location: DatabaseLocation, settings: WantedSettings? = nil, waitingFor patience: Duration = .zero,
        logger: Logger, accessLogDays: Int64 = 365,
        configure: (inout DatabaseConfiguration) -> Void = { _ in }
    ) async throws -> ClinicDatabase {
        switch location {
        case .url(let url, let owner):
            var configuration = DatabaseConfiguration(url: url)
            configure(&configuration)
            let wanted = configuration
            return try await waiting(for: url, patience, logger) {
                try await open(wanted, owner, settings, of: nil, accessLogDays, logger)
            }
        case .privateCluster(let directory):
            return try await openCluster(directory, settings, accessLogDays, logger, configure)
        }
    }

    /// Opens and migrates the database for a command that may run beside a server: if a server runs the private cluster,
    /// the command uses the same cluster. While that server starts or stops, the command tries again for 30 seconds.
    /// The work of a command is done by the role that owns the tables. Throws as `open` does.
    public static func openBesideServer(
        _ location: DatabaseLocation, settings: WantedSettings? = nil, waitingFor patience: Duration = .zero,
        logger: Logger, configure: (inout DatabaseConfiguration) -> Void = { _ in }
    ) async throws -> ClinicDatabase {
        guard case .privateCluster(let directory) = location else {
            return try await open(
                location, settings: settings, waitingFor: patience, logger: logger
            ) { configuration in
                if case .url(_, let owner?) = location { configuration.url = owner }
                configure(&configuration)
            }
        }
        let end = ContinuousClock.now + startOrStopTime
        while true {
            do {
                let url = PrivateCluster.runningURL(directory: directory)
                return try await open(
                    url.map { .url($0) } ?? location, settings: settings, logger: logger,
                    configure: configure)
            } catch  where isTransient(error) && ContinuousClock.now < end {
                logger.debug("waiting for the server", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Closes the connections and stops the private cluster if this opened it.
    public func close() async {
        await database.close()
        await schema.close()
        await cluster?.stop()
    }

    /// Runs the body and closes the database afterwards, also if the body throws.
    public func closing<Value>(after body: (ClinicDatabase) async throws -> Value) async throws -> Value {
        do {
            let value = try await body(self)
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }

    /// Tries again for a while if the database does not accept connections yet; says so at once, and then every ten seconds.
    private static func waiting(
        for url: String, _ patience: Duration, _ logger: Logger,
        _ attempt: () async throws -> ClinicDatabase
    ) async throws -> ClinicDatabase {
        let end = ContinuousClock.now + patience
        var nextLine = ContinuousClock.now
        while true {
            do {
                return try await attempt()
            } catch {
                guard .now < end, let cause = databaseError(in: error),
                    await AdminConnection.isWorthWaiting(after: cause, url: url)
                else { throw error }
                if .now >= nextLine {
                    logger.notice("waiting for the database", metadata: ["reason": "\(cause.reason)"])
                    nextLine = .now + timeBetweenLines
                }
                try await Task.sleep(for: timeBetweenAttempts)
            }
        }
    }

    private static func openCluster(
        _ directory: String, _ settings: WantedSettings?, _ accessLogDays: Int64, _ logger: Logger,
        _ configure: (inout DatabaseConfiguration) -> Void
    ) async throws -> ClinicDatabase {
        let cluster = try await PrivateCluster.start(.init(directory: directory), logger: logger)
        do {
            var configuration = DatabaseConfiguration(url: cluster.serviceURL)
            configuration.niceness = readBackendNiceness
            configure(&configuration)
            return try await open(configuration, cluster.url, settings, of: cluster, accessLogDays, logger)
        } catch {
            await cluster.stop()
            throw error
        }
    }

    private static func open(
        _ configuration: DatabaseConfiguration, _ ownerURL: String?, _ settings: WantedSettings?,
        of cluster: PrivateCluster?, _ accessLogDays: Int64, _ logger: Logger
    ) async throws -> ClinicDatabase {
        try await untilCancelled {
            if cluster == nil { try await PoolerCheck.run(url: configuration.url) }
            if !configuration.allowsUnsafeDurability {
                // Before anything is changed.
                try await AdminConnection.withConnection(url: configuration.url) { connection in
                    try connection.checkDurability()
                }
            }
            let schema = try await ClinicSchema.open(
                url: configuration.url, ownerURL: ownerURL, logger: logger, accessLogDays: accessLogDays)
            var configuration = configuration
            schema.configure(&configuration)
            let stored: SettingsRecord?
            do {
                stored =
                    if let settings {
                        try await SettingsStore.settle(settings, url: ownerURL ?? configuration.url)
                    } else { nil }
            } catch {
                await schema.close()
                throw error
            }
            if let stored {
                configuration.sessionVariables = [("clinic.settings_version", "\(stored.version)")]
            }
            let database = Database(configuration: configuration, logger: logger)
            do {
                try await database.start()
            } catch {
                await schema.close()
                throw error
            }
            schema.watchTransactions(for: database)
            if let stored { schema.watchSettings(for: database, version: stored.version) }
            return ClinicDatabase(
                database: database, url: ownerURL ?? configuration.url, schema: schema, settings: stored,
                cluster: cluster)
        }
    }

    /// Whether the error is that of a server that starts or stops: its lock is held while no PostgreSQL accepts
    /// connections.
    private static func isTransient(_ error: any Error) -> Bool {
        (error as? PrivateClusterError)?.kind == .inUse || databaseError(in: error)?.category == .unavailable
    }

    /// What the database said, also to a migration.
    private static func databaseError(in error: any Error) -> DatabaseError? {
        if case MigrationError.database(let error) = error { return error }
        return error as? DatabaseError
    }
}

/// Does work that cannot be interrupted, such as connecting or waiting for another program's migrations. If the task is
/// cancelled, it throws `CancellationError` at once and the work goes on without it.
private func untilCancelled<Value: Sendable>(
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
