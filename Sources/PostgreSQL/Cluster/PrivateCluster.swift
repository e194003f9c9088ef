// A private PostgreSQL, so that the clinic runs with one command: made at the first start, reachable through a Unix socket
// only, started and stopped with the daemon, and restarted if it dies.

internal import Glibc
public import Logging
internal import Synchronization

/// A PostgreSQL cluster that belongs to this process.
public final class PrivateCluster: Sendable {
    static let port = 5432
    /// The superuser, used only to make the role and the database.
    static let administrator = "postgres"
    /// The role that owns the clinic's tables, and the name of its database.
    static let role = "clinic"
    /// The role that serves and owns nothing.
    static let serviceRole = "clinic_service"

    /// The options of a private cluster.
    public struct Configuration: Sendable {
        /// The directory the cluster lives in (DIR/postgresql); made if it is missing.
        public var directory: String
        /// The user PostgreSQL runs as when this process is root.
        public var user = "postgres"
        /// Whether a new cluster is flushed to disk before the first start continues; tests do without.
        public var syncsNewCluster = true

        /// Settings of the server (postgresql.conf) for as long as this process runs it.
        public var serverSettings: [String: String] = [:]

        /// The defaults, in this directory.
        public init(directory: String) {
            self.directory = directory
        }
    }

    /// The connection URL of the clinic's database, under the role that owns its tables.
    public let url: String
    /// The same under the role that serves.
    public let serviceURL: String

    private let directory: ClusterDirectory
    private let socketDirectory: String
    private let postmaster: Postmaster
    private let lock: Mutex<Int32?>

    private init(directory: ClusterDirectory, socketDirectory: String, postmaster: Postmaster, lock: Int32) {
        self.directory = directory
        self.socketDirectory = socketDirectory
        self.postmaster = postmaster
        self.lock = Mutex(lock)
        url = Self.url(socketDirectory: socketDirectory, role: Self.role, database: Self.role)
        serviceURL = Self.url(
            socketDirectory: socketDirectory, role: Self.serviceRole, database: Self.role)
    }

    /// Starts the cluster, making it first if there is none, and returns once it accepts connections.
    ///
    /// A server that a killed daemon left over is stopped first. Throws a `PrivateClusterError` for the administrator,
    /// the `DatabaseError` with which making the database failed, or a `CancellationError` after stopping what was
    /// started.
    public static func start(_ configuration: Configuration, logger: Logger) async throws -> PrivateCluster {
        do {
            return try await startOrStop(configuration, logger: logger)
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }

    private static func startOrStop(
        _ configuration: Configuration, logger: Logger
    ) async throws -> PrivateCluster {
        let interruption = Interruption()
        let prepared = try await withTaskCancellationHandler {
            try await Thread.result {
                try prepare(configuration, interruption: interruption, logger: logger)
            }
        } onCancel: {
            interruption.ask()
        }
        do {
            try await withTaskCancellationHandler {
                try await prepared.postmaster.start()
            } onCancel: {
                Task { await prepared.postmaster.stop() }
            }
            let cluster = PrivateCluster(
                directory: prepared.directory, socketDirectory: prepared.socketDirectory,
                postmaster: prepared.postmaster, lock: prepared.lock)
            try await cluster.makeDatabaseAfterRecovery(logger)
            return cluster
        } catch {
            await prepared.postmaster.stop()
            ClusterDirectory.unlock(prepared.lock)
            throw error
        }
    }

    /// Stops the server (it ends sessions and writes a checkpoint) and releases the directory.
    public func stop() async {
        await postmaster.stop()
        lock.withLock { descriptor in
            if let descriptor { ClusterDirectory.unlock(descriptor) }
            descriptor = nil
        }
    }

    /// The URL of the clinic's database if a daemon serves it from this directory at the moment, else nil.
    public static func runningURL(directory path: String) -> String? {
        guard let directory = try? ClusterDirectory(path, user: nil), let server = directory.runningServer()
        else {
            return nil
        }
        return url(socketDirectory: server.socketDirectory, role: role, database: role)
    }

    /// The process of the server, while it runs.
    public var serverProcess: Int32? { postmaster.process }

    // MARK: -

    private struct Prepared: Sendable {
        let directory: ClusterDirectory
        let socketDirectory: String
        let postmaster: Postmaster
        let lock: Int32
    }

    /// Everything before the server's start; blocks for seconds when the cluster is made.
    private static func prepare(
        _ configuration: Configuration, interruption: Interruption, logger: Logger
    ) throws(PrivateClusterError) -> Prepared {
        var user: SystemUser?
        if geteuid() == 0 {
            user =
                ClusterDirectory.owner(in: configuration.directory) ?? SystemUser(named: configuration.user)
            guard let user, user.user != 0 else {
                throw PrivateClusterError(
                    .notInstalled,
                    "there is no unprivileged user \(configuration.user) to run PostgreSQL as; "
                        + "install the package postgresql")
            }
        }
        let directory = try ClusterDirectory(configuration.directory, user: user)
        try directory.prepare()
        let lock = try directory.lock()
        do throws(PrivateClusterError) {
            let programs = try ServerPrograms.find(version: directory.version())
            try directory.createCluster(
                programs, syncsFiles: configuration.syncsNewCluster, interruption: interruption)
            let socketDirectory = try directory.makeSocketDirectory()
            try directory.clearLeftOvers(socketDirectory: socketDirectory)
            let postmaster = Postmaster(
                directory: directory, programs: programs, socketDirectory: socketDirectory,
                url: url(socketDirectory: socketDirectory, role: administrator, database: "postgres"),
                settings: configuration.serverSettings,
                logger: logger)
            return Prepared(
                directory: directory, socketDirectory: socketDirectory, postmaster: postmaster, lock: lock)
        } catch {
            ClusterDirectory.unlock(lock)
            throw error
        }
    }

    /// Makes role and database once the server takes changes. After a restore it accepts reads while it still replays what
    /// comes before the target; stopped before the end, it would replay more at its next start.
    private func makeDatabaseAfterRecovery(_ logger: Logger) async throws {
        var nextLine = ContinuousClock.now
        while true {
            do {
                return try await makeDatabase(named: Self.role)
            } catch let error as DatabaseError where error.state == .readOnlySQLTransaction {
                if .now >= nextLine {
                    logger.notice(
                        "waiting for the end of PostgreSQL's recovery; if it pauses at a target, pg_wal_replay_resume() ends it"
                    )
                    nextLine = .now + .seconds(10)
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Makes the clinic's roles and a database that the first owns, where they are missing.
    package func makeDatabase(named name: String) async throws {
        try await AdminConnection.withConnection(url: administratorURL) { connection in
            let role = Self.role
            for role in [role, Self.serviceRole]
            where try connection.query("SELECT FROM pg_roles WHERE rolname = $1", [.text(role)]).isEmpty {
                // With the right to see how long the transactions of others have been open, and what waits for whom.
                try connection.execute("CREATE ROLE \(role) LOGIN; GRANT pg_read_all_stats TO \(role)")
            }
            if try connection.query("SELECT FROM pg_database WHERE datname = $1", [.text(name)]).isEmpty {
                try connection.execute("CREATE DATABASE \(name) OWNER \(role) TEMPLATE template0")
            }
        }
    }

    /// The URL of a database of this cluster under the role that owns the tables.
    package func url(database: String) -> String {
        Self.url(socketDirectory: socketDirectory, role: Self.role, database: database)
    }

    /// The superuser's URL.
    package var administratorURL: String {
        Self.url(socketDirectory: socketDirectory, role: Self.administrator, database: "postgres")
    }

    private static func url(socketDirectory: String, role: String, database: String) -> String {
        let host = socketDirectory.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
        return "postgresql://\(role)@/\(database)?host=\(host)&port=\(port)"
    }
}
