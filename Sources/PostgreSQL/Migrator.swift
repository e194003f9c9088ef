// Brings a database to the shape this program knows. The list of migrations only ever grows at its end; what
// has been applied is remembered with a checksum, so that a list that was edited instead is noticed before it
// does harm.

public import Logging

/// One step in the life of the schema.
public struct Migration: Sendable, Hashable {
    /// What it does, in a few words; part of what is compared.
    public let name: String
    /// The script, run in one transaction together with the row that remembers it.
    public let sql: String

    /// Describes a step; an applied one must never change.
    public init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// Why a database could not be brought to the program's shape; the description is one line for an
/// administrator.
public enum MigrationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An applied migration is not the one this program has under that number.
    case changed(number: Int, applied: String, known: String)
    /// The database has migrations this program does not know.
    case newer(applied: Int, known: Int)
    /// A migration failed; nothing of it was kept.
    case failed(number: Int, name: String, DatabaseError)
    /// Another program held the migration lock for too long.
    case locked
    /// The database could not be asked.
    case database(DatabaseError)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .changed(let number, let applied, let known):
            applied == known
                ? "migration \(number) (\(known)) was changed after this database applied it; "
                    + "use the program version that applied it"
                : "the database applied “\(applied)” as migration \(number), this program has “\(known)” there; "
                    + "is it the right database?"
        case .newer(let applied, let known):
            "the database is at migration \(applied) and this program knows \(known); use a newer program"
        case .failed(let number, let name, let error):
            "migration \(number) (\(name)) failed and was undone: \(error)"
                + (error.serverMessage.map { ": " + $0 } ?? "")
        case .locked: "another program is migrating this database; try again when it is done"
        case .database(let error): "the database cannot be migrated: \(error)"
        }
    }
}

/// Applies an append-only list of migrations.
public struct Migrator: Sendable {
    private let migrations: [Migration]
    private let logger: Logger

    /// “clinic” in ASCII: the advisory lock that lets two daemons start at once.
    private static let lockKey: Int64 = 0x63_6C69_6E69_63
    private static let lockTimeout = "60s"

    /// Takes the whole list, oldest first.
    public init(migrations: [Migration], logger: Logger) {
        self.migrations = migrations
        self.logger = logger
    }

    /// Applies what is missing, each migration in its own transaction; returns how many that were.
    @discardableResult
    public func migrate(url: String) async throws(MigrationError) -> Int {
        do {
            return try await AdminConnection.withConnection(url: url) { [self] connection in
                try migrate(connection)
            }
        } catch let error as MigrationError {
            throw error
        } catch let error as DatabaseError {
            throw .database(error)
        } catch {
            throw .database(DatabaseError(.unusable, "an error of an unknown kind"))
        }
    }

    private func migrate(_ connection: AdminConnection) throws -> Int {
        do throws(DatabaseError) {
            try connection.execute("SET lock_timeout = '\(Self.lockTimeout)'")
            // Of the session: it covers all transactions below and ends with the connection at the latest.
            _ = try connection.query("SELECT pg_advisory_lock($1)", [.int64(Self.lockKey)])
            try connection.execute("SET lock_timeout = 0")
        } catch {
            throw error.state == .lockNotAvailable ? MigrationError.locked : MigrationError.database(error)
        }
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS public.schema_migration (
                number bigint PRIMARY KEY,
                name text NOT NULL,
                checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        let applied = try checkApplied(connection)
        for (index, migration) in migrations.enumerated().dropFirst(applied) {
            do throws(DatabaseError) {
                try connection.transaction { () throws(DatabaseError) in
                    try connection.execute(migration.sql)
                    _ = try connection.query(
                        """
                        INSERT INTO public.schema_migration (number, name, checksum)
                        VALUES ($1, $2, sha256($3))
                        """,
                        [.int64(Int64(index + 1)), .text(migration.name), .bytes(Array(migration.sql.utf8))])
                }
            } catch {
                throw MigrationError.failed(number: index + 1, name: migration.name, error)
            }
            logger.info("migrated", metadata: ["number": "\(index + 1)", "name": "\(migration.name)"])
        }
        return migrations.count - applied
    }

    /// Compares what was applied with the list; returns how many that are.
    private func checkApplied(_ connection: AdminConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT number, name, checksum FROM public.schema_migration ORDER BY number")
        guard rows.count <= migrations.count else {
            throw MigrationError.newer(applied: rows.count, known: migrations.count)
        }
        for (index, (row, migration)) in zip(rows, migrations).enumerated() {
            var row = row
            let number = try row.int64()
            let name = try row.text()
            let checksum = try row.bytes()
            var ours = try connection.query("SELECT sha256($1)", [.bytes(Array(migration.sql.utf8))])[0]
            guard number == Int64(index + 1), name == migration.name, checksum == (try ours.bytes()) else {
                throw MigrationError.changed(number: index + 1, applied: name, known: migration.name)
            }
        }
        return rows.count
    }
}
