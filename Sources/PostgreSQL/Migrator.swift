// Brings a database to the shape a program knows. The list of migrations only ever grows at its end. What has been applied is
// remembered with a checksum, so that a list that was edited instead is noticed before it does harm.

public import Logging

/// Applies an append-only list of migrations to one schema.
public struct Migrator: Sendable {
    private let schema: String
    private let functions: [String]
    private let migrations: [Migration]
    private let logger: Logger

    /// “clinic” in ASCII: the advisory lock that lets two daemons start at once.
    private static let lockKey: Int64 = 0x63_6C69_6E69_63
    private static let lockTimeout = "60s"
    /// How long a change waits for the lock on a table. Everybody who comes after it waits behind it, reads too.
    private static let tableLockTimeout = "500ms"
    /// How long the others then have the table, and for how long in all a change is tried.
    private static let pause = Duration.seconds(1)
    private static let patience = Duration.seconds(300)

    /// Takes the whole list, oldest first.
    ///
    /// - Parameters:
    ///   - schema: a plain identifier; it is made if it is missing, and remembers what was applied.
    ///   - functions: scripts that create or replace the functions tables depend on. They run before the migrations, each
    ///     time, and their bodies may name tables that are not there yet.
    public init(schema: String, functions: [String] = [], migrations: [Migration], logger: Logger) {
        self.schema = schema
        self.functions = functions
        self.migrations = migrations
        self.logger = logger
    }

    /// Applies what is missing, each migration in its own transaction; returns how many that were.
    @discardableResult
    public func migrate(url: String) async throws(MigrationError) -> Int {
        try await MigrationError.unifying {
            try await AdminConnection.withConnection(url: url) { [self] connection in
                try Self.withLock(url: url) { () throws(MigrationError) in try migrate(connection) }
            }
        }
    }

    /// Runs the body while no other program migrates the database. Blocks.
    ///
    /// The lock belongs to a transaction on a connection of its own: unlike a session's, it cannot stay behind in a
    /// connection pool. Should that connection be lost, the primary key of `schema_migration` still keeps two programs from
    /// applying one migration.
    public static func withLock<Value>(
        url: String, _ body: () throws(MigrationError) -> Value
    ) throws(MigrationError) -> Value {
        let holder = try MigrationError.wrapping { () throws(DatabaseError) in
            try AdminConnection.connect(url: url)
        }
        do throws(DatabaseError) {
            try holder.execute("BEGIN; SET LOCAL lock_timeout = '\(lockTimeout)'")
            _ = try holder.query("SELECT pg_advisory_xact_lock($1)", [.int64(lockKey)])
        } catch {
            throw error.state == .lockNotAvailable ? .locked : .database(error)
        }
        let value = try body()
        try? holder.execute("COMMIT")
        return value
    }

    /// Applies what is missing under the lock; returns how many migrations that were.
    public func migrate(_ connection: AdminConnection) throws(MigrationError) -> Int {
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw .misnumbered(version: migration.version, expected: index + 1)
        }
        try MigrationError.wrapping { () throws(DatabaseError) in try prepareHistory(connection) }
        let applied = try appliedMigrations(connection)
        try check(applied)
        guard applied.count <= migrations.count else {
            // The functions of a newer program stay, too.
            logger.notice(
                "the schema is that of a newer program, which serves this one too",
                metadata: ["applied": "\(applied.count)", "known": "\(migrations.count)"])
            return 0
        }
        do throws(DatabaseError) {
            try change("functions", on: connection) { () throws(DatabaseError) in
                try connection.execute("SET LOCAL check_function_bodies = off")
                for function in functions { try connection.execute(function) }
            }
        } catch {
            throw .definitionsFailed(schema: schema, error)
        }
        for migration in migrations.dropFirst(applied.count) {
            do throws(DatabaseError) {
                try change(migration.name, on: connection) { () throws(DatabaseError) in
                    try connection.execute(migration.sql)
                    _ = try connection.query(
                        """
                        INSERT INTO \(schema).schema_migration (version, name, checksum, oldest_program)
                        VALUES ($1, $2, sha256($3), $4)
                        """,
                        [
                            .int64(Int64(migration.version)), .text(migration.name),
                            .bytes(Array(migration.sql.utf8)), .int64(Int64(migration.oldestProgram)),
                        ])
                }
            } catch {
                throw .failed(version: migration.version, name: migration.name, error)
            }
            logger.info(
                "migrated", metadata: ["version": "\(migration.version)", "name": "\(migration.name)"])
        }
        return migrations.count - applied.count
    }

    /// Throws unless another role has applied all migrations.
    public func checkIsComplete(_ connection: AdminConnection) throws(MigrationError) {
        let applied = try appliedMigrations(connection)
        try check(applied)
        guard applied.count >= migrations.count else {
            throw .incomplete(applied: applied.count, known: migrations.count)
        }
    }

    private func appliedMigrations(_ connection: AdminConnection) throws(MigrationError) -> Rows {
        try MigrationError.wrapping { () throws(DatabaseError) in
            try connection.query(
                """
                SELECT coalesce(version, 0), coalesce(name, ''), coalesce(checksum = sha256(known), false),
                    coalesce(oldest_program, 0)
                FROM \(schema).schema_migration
                LEFT JOIN unnest($1::bigint[], $2::text[]) AS program (number, text) ON number = version
                CROSS JOIN LATERAL convert_to(coalesce(text, ''), 'UTF8') AS known
                ORDER BY version
                """,
                [.int64Array(migrations.map { Int64($0.version) }), .textArray(migrations.map(\.sql))])
        }
    }

    /// Makes the table that remembers what was applied, or what it lacks.
    private func prepareHistory(_ connection: AdminConnection) throws(DatabaseError) {
        try connection.execute(
            """
            CREATE SCHEMA IF NOT EXISTS \(schema);
            CREATE TABLE IF NOT EXISTS \(schema).schema_migration (
                version bigint PRIMARY KEY,
                name text NOT NULL,
                checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now(),
                -- How many migrations a program has to know at least for this one to serve it; null: as many.
                oldest_program bigint
            )
            """)
        let column = try connection.query(
            """
            SELECT FROM pg_attribute
            WHERE attrelid = '\(schema).schema_migration'::regclass AND attname = 'oldest_program'
            """)
        guard column.isEmpty else { return }
        // Not each time: it waits for whoever reads the table, such as a backup.
        try change("oldest_program", on: connection) { () throws(DatabaseError) in
            try connection.execute("ALTER TABLE \(schema).schema_migration ADD oldest_program bigint")
        }
    }

    /// Runs the body in a transaction that does not wait long for a lock, again and again until it gets all of them.
    private func change(
        _ what: String, on connection: AdminConnection, _ body: () throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        let end = ContinuousClock.now + Self.patience
        let wakeup = try Wakeup()
        while true {
            do throws(DatabaseError) {
                return try connection.transaction { () throws(DatabaseError) in
                    try connection.execute("SET LOCAL lock_timeout = '\(Self.tableLockTimeout)'")
                    try body()
                }
            } catch {
                guard error.state == .lockNotAvailable, .now < end else { throw error }
                logger.notice("a table is in use; its change is tried again", metadata: ["change": "\(what)"])
                wakeup.wait(socket: nil, timeout: Self.pause)
            }
        }
    }

    /// Compares what was applied, as (version, name, whether the checksum is right), with the list.
    private func check(_ applied: Rows) throws(MigrationError) {
        for row in applied.dropFirst(migrations.count) {
            let oldest = try MigrationError.wrapping { () throws(DatabaseError) -> Int64 in
                var row = row
                let version = try row.int64()
                _ = (try row.text(), try row.bool())
                let oldest = try row.int64()
                return oldest > 0 ? oldest : version
            }
            guard oldest <= Int64(migrations.count) else {
                throw .newer(applied: applied.count, known: migrations.count)
            }
        }
        for (row, migration) in zip(applied, migrations) {
            let (version, name, isSame) = try MigrationError.wrapping {
                () throws(DatabaseError) -> (Int64, String, Bool) in
                var row = row
                return (try row.int64(), try row.text(), try row.bool())
            }
            guard version == Int64(migration.version), name == migration.name, isSame else {
                throw .changed(version: migration.version, applied: name, known: migration.name)
            }
        }
    }
}

extension MigrationError {
    /// Runs a body whose errors are those of the database.
    public static func wrapping<Value>(
        _ body: () throws(DatabaseError) -> Value
    ) throws(MigrationError) -> Value {
        do throws(DatabaseError) { return try body() } catch { throw .database(error) }
    }

    /// Runs a body on a connection of its own, whose errors are migration errors or those of the database.
    public static func unifying<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(MigrationError) -> Value {
        do {
            return try await body()
        } catch let error as MigrationError {
            throw error
        } catch let error as DatabaseError {
            throw .database(error)
        } catch {
            throw .database(DatabaseError(.unusable, "an error of an unknown kind"))
        }
    }
}
