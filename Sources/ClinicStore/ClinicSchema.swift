// The clinic's schema in one database: tables by migrations, functions and views in the API schema of this version, and the
// little that has to be done for them while a server runs.

public import Logging
public import PostgreSQL
internal import Synchronization

/// The schema in a database, brought to this program's version and held for as long as a server uses it.
public final class ClinicSchema: Sendable {
    /// What the sessions of this program look unqualified names up in.
    public let searchPath: [String]
    /// Whether the role that serves owns the tables and so could alter what it wrote.
    public let servesAsOwner: Bool
    private let connection: MaintenanceConnection
    private let transactions: TransactionWatch
    private let settings: SettingsWatch

    /// The time between two runs of the housekeeping.
    private static let interval = Duration.seconds(1)
    /// How many keys are forgotten in one transaction.
    private static let keysAtOnce: Int64 = 2_000
    /// How many events one seal is for at most.
    private static let eventsPerSeal: Int64 = 10_000
    /// How many entries of the access log are looked at in one step.
    private static let accessEntriesAtOnce: Int64 = 5_000
    /// How many failures of logins are kept.
    private static let loginFailureLimit: Int64 = 100_000
    /// How many partitions of events lie ahead: twenty million events.
    private static let partitionsAhead: Int64 = 2

    private init(
        _ prepared: Prepared, connection: MaintenanceConnection, transactions: TransactionWatch,
        settings: SettingsWatch
    ) {
        self.settings = settings
        searchPath = prepared.searchPath
        servesAsOwner = prepared.servesAsOwner
        self.transactions = transactions
        self.connection = connection
    }

    /// Migrates the database, creates this version's functions and views if they are not there, drops those of versions that
    /// no server uses any more, and holds its own until `close`. Throws `MigrationError`.
    ///
    /// - Parameters:
    ///   - url: the database under the role that serves.
    ///   - ownerURL: the same under the role that owns the tables; nil if that is the same role, or if another program has
    ///     migrated the database.
    ///   - accessLogDays: for how many days entries of the access log are kept, at least 30.
    public static func open(
        url: String, ownerURL: String? = nil, logger: Logger, accessLogDays: Int64 = 365
    ) async throws -> ClinicSchema {
        let prepared = Mutex(Prepared())
        let done = Mutex(Housekeeping(accessLogDays: accessLogDays))
        let transactions = TransactionWatch(logger: logger)
        let settings = SettingsWatch(logger: logger)
        let connection = try await MigrationError.unifying {
            try await MaintenanceConnection.open(
                url: url, every: interval, logger: logger,
                prepare: { connection in
                    if let host = connection.plainTextHost {
                        logger.warning(
                            "the connection to PostgreSQL crosses the network in plain text; add sslmode=verify-full",
                            metadata: ["host": "\(host)"])
                    }
                    let result = try prepare(connection, url: url, ownerURL: ownerURL, logger)
                    prepared.withLock { $0 = result }
                },
                maintain: { connection in
                    try transactions.look(at: connection)
                    try settings.look(at: connection)
                    try done.withLock { try keepHouse(connection, &$0, logger) }
                })
        }
        return ClinicSchema(
            prepared.withLock(\.self), connection: connection, transactions: transactions,
            settings: settings)
    }

    /// Sets what the connections of this program need: where they find functions and views, and how they take locks.
    public func configure(_ configuration: inout DatabaseConfiguration) {
        configuration.searchPath = searchPath
        configuration.lockStatement = LockedParameters.statement
    }

    /// Tells the database's statistics how old the oldest open transaction of its server is.
    public func watchTransactions(for database: Database) { transactions.observe(database) }

    /// Tells a database that decides by this version of the settings when there is another.
    public func watchSettings(for database: Database, version: Int64) {
        settings.observe(database, version: version)
    }

    /// Lets this version's functions and views be dropped by others.
    public func close() async { await connection.close() }

    /// What is known of the schema once it can be used.
    private struct Prepared {
        var searchPath: [String] = []
        var servesAsOwner = false
    }

    /// All of `open` on one connection, and one of the owner if that is another role. The migration lock is held throughout,
    /// so a schema that was just made or found is held before anybody else may look for schemas to drop.
    private static func prepare(
        _ connection: AdminConnection, url: String, ownerURL: String?, _ logger: Logger
    ) throws(MigrationError) -> Prepared {
        let migrator = Migrator(
            schema: "clinic", functions: SchemaFile.all(in: "triggers").map(\.text), migrations: migrations,
            logger: logger)
        let (owner, role, isOwner) = try MigrationError.wrapping { () throws(DatabaseError) in
            let owner = if let ownerURL { try AdminConnection.connect(url: ownerURL) } else { connection }
            return (
                owner, try ServiceRole.name(on: connection), try ServiceRole.isOwner(owner)
            )
        }
        return try Migrator.withLock(url: url) { () throws(MigrationError) in
            if isOwner { _ = try migrator.migrate(owner) } else { try migrator.checkIsComplete(connection) }
            let schema = try MigrationError.wrapping { () throws(DatabaseError) in
                let schema = try APISchema(on: connection)
                try schema.hold(on: connection)
                return schema
            }
            if isOwner {
                do throws(DatabaseError) {
                    try schema.build(on: owner)
                } catch {
                    throw .definitionsFailed(schema: schema.name, error)
                }
            }
            let isThere = try MigrationError.wrapping { () throws(DatabaseError) in
                try schema.exists(on: connection)
            }
            guard isThere else { throw .definitionsMissing(schema: schema.name) }
            return try MigrationError.wrapping { () throws(DatabaseError) in
                let servesAsOwner = try ServiceRole.isOwner(connection)
                if isOwner {
                    if !servesAsOwner { try ServiceRole.grant(to: role, schema, on: owner) }
                    for name in try APISchema.dropUnheld(except: schema.name, on: owner) {
                        logger.info(
                            "dropped the functions of another version", metadata: ["schema": "\(name)"])
                    }
                }
                try warnOfEventsAhead(on: connection, logger)
                try connection.execute("set search_path = \(schema.searchPath.joined(separator: ", "))")
                return Prepared(searchPath: schema.searchPath, servesAsOwner: servesAsOwner)
            }
        }
    }

    /// Events are ordered by the numbers of their transactions. After a dump is restored, those of the old cluster may be yet
    /// to come here: nobody sees such an event until then, and the order of old and new ones is lost.
    private static func warnOfEventsAhead(
        on connection: AdminConnection, _ logger: Logger
    ) throws(DatabaseError) {
        let ahead = try connection.query(
            """
            select from clinic.event
            where transaction_number >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint limit 1
            """)
        guard !ahead.isEmpty else { return }
        logger.error(
            "the database has events of another PostgreSQL, which nobody sees here; raise the epoch of its transaction numbers, as the chapter on backups says"
        )
    }

    /// How far the housekeeping has come.
    private struct Housekeeping {
        let accessLogDays: Int64
        var loginsForgotten: Int64?
        var lastAccessForgotten: Int64 = 0
    }

    /// Makes room for events, seals them, makes the statistics of tables that have grown, and deletes the keys that are older than a day,
    /// old entries of the access log, and what is remembered of logins and no longer counts. All but the first is done by one server of a clinic, until its
    /// connection ends.
    private static func keepHouse(
        _ connection: AdminConnection, _ done: inout Housekeeping, _ logger: Logger
    ) throws(DatabaseError) {
        _ = try connection.query("select clinic.add_event_partitions($1)", [.int64(partitionsAhead)])
        var lock = try connection.query("select pg_try_advisory_lock(7411, 3)")[0]
        guard try lock.bool() else { return }
        _ = try connection.query("select clinic.analyze_outgrown_tables()")
        try seal(connection, logger)
        var logins = try connection.query(
            "select forget_logins($1, $2)", [.timestamp(done.loginsForgotten), .int64(loginFailureLimit)])[0]
        done.loginsForgotten = try logins.timestamp()
        var access = try connection.query(
            "select clinic.forget_access_log($1, $2, $3)",
            [.int64(done.accessLogDays), .int64(done.lastAccessForgotten), .int64(accessEntriesAtOnce)])[0]
        done.lastAccessForgotten = try access.int64()
        var forgotten = keysAtOnce
        while forgotten >= keysAtOnce {
            var row = try connection.query(
                "select forgotten, forgotten_until from forget_keys($1)", [.int64(keysAtOnce)])[0]
            forgotten = try row.int64()
            // Only now, since it is not undone with a transaction.
            _ = try connection.query(
                "select setval('clinic.keys_forgotten_until', $1)", [.int64(try row.int64())])
        }
    }

    /// Seals the events that are final. The seals are logged too, where nobody who changes the database reaches them.
    private static func seal(_ connection: AdminConnection, _ logger: Logger) throws(DatabaseError) {
        var count = eventsPerSeal
        while count >= eventsPerSeal {
            let seals = try connection.query(
                """
                select seal_number, first_position, last_position, event_count, seal_hash from clinic.seal_events($1)
                """, [.int64(eventsPerSeal)])
            guard var seal = seals.first else { return }
            let (number, first, last) = (try seal.int64(), try seal.text(), try seal.text())
            count = try seal.int64()
            let digest = try seal.text()
            logger.info(
                "events are sealed",
                metadata: [
                    "seal": "\(number)", "first": "\(first)", "last": "\(last)", "events": "\(count)",
                    "sha256": "\(digest)",
                ])
        }
    }

    /// The migrations, oldest first. A file whose name has no version is numbered 0, which the migrator refuses.
    static var migrations: [Migration] {
        SchemaFile.all(in: "migrations").map { file in
            let fileName = file.name + ".sql"
            return Migration(fileName: fileName, sql: file.text)
                ?? Migration(version: 0, name: fileName, sql: file.text)
        }
    }
}
