// The database of a command: the named one, the private cluster that a running daemon has open, or the private cluster
// started for as long as the command runs.

internal import ClinicStore
internal import Logging
internal import PostgreSQL

/// An open, migrated database.
struct Storage {
    let database: Database
    private let cluster: PrivateCluster?

    /// Opens and migrates the database of these options.
    ///
    /// - Parameter borrowing: whether to use the private cluster of a daemon that runs; the daemon itself must not.
    static func open(_ options: StorageOptions, borrowing: Bool, logger: Logger) async throws -> Storage {
        let (url, cluster) = try await locate(options, borrowing: borrowing, logger: logger)
        do {
            try await Migrator(migrations: clinicMigrations, logger: logger).migrate(url: url)
            let database = Database(configuration: DatabaseConfiguration(url: url), logger: logger)
            try await database.start()
            return Storage(database: database, cluster: cluster)
        } catch {
            await cluster?.stop()
            throw Failure("the database cannot be used: \(error)")
        }
    }

    /// Closes the database and stops what was started for it.
    func close() async {
        await database.close()
        await cluster?.stop()
    }

    private static func locate(
        _ options: StorageOptions, borrowing: Bool, logger: Logger
    ) async throws -> (url: String, cluster: PrivateCluster?) {
        if let url = options.database { return (url, nil) }
        let directory = try options.directory().path
        if borrowing, let url = PrivateCluster.runningURL(directory: directory) { return (url, nil) }
        do {
            let cluster = try await PrivateCluster.start(.init(directory: directory), logger: logger)
            return (cluster.url, cluster)
        } catch {
            throw Failure("\(error)")
        }
    }
}
