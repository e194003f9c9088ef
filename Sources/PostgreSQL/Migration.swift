// One step in the life of a schema, and why a database cannot be brought to a program's shape.

/// A script that changes tables; one that was applied must never change.
public struct Migration: Sendable, Hashable {
    /// Its place in the history, from 1.
    public let version: Int
    /// What it does, in a few words; part of what is compared.
    public let name: String
    /// The script, run in one transaction together with the row that remembers it.
    public let sql: String

    /// How many migrations a program has to know at least to work with the schema after this step. The script says so in a
    /// line of its own, `-- oldest program: V016`; without one it is the step itself.
    public let oldestProgram: Int

    /// Describes a step.
    public init(version: Int, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
        let line = sql.split(whereSeparator: \.isNewline).first { $0.hasPrefix(Self.oldestProgramPrefix) }
        oldestProgram = line.flatMap { Int($0.dropFirst(Self.oldestProgramPrefix.count)) } ?? version
    }

    private static let oldestProgramPrefix = "-- oldest program: V"

    /// The step of a file; nil unless its name is `V`, the version, `__`, what it does, `.sql`.
    public init?(fileName: String, sql: String) {
        guard fileName.hasPrefix("V"), fileName.hasSuffix(".sql"),
            let separator = fileName.firstRange(of: "__"),
            let version = Int(fileName[..<separator.lowerBound].dropFirst())
        else { return nil }
        self.init(version: version, name: String(fileName[separator.upperBound...].dropLast(4)), sql: sql)
    }
}

/// Why a database could not be brought to the program's shape; the description is one line for an administrator.
public enum MigrationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The program's own migrations are not numbered 1, 2, 3 and so on.
    case misnumbered(version: Int, expected: Int)
    /// An applied migration is not the one this program has under that version.
    case changed(version: Int, applied: String, known: String)
    /// The database has migrations this program does not know.
    case newer(applied: Int, known: Int)
    /// The database lacks migrations, and this role may not apply them.
    case incomplete(applied: Int, known: Int)
    /// The functions of this program are not there, and this role may not create them.
    case definitionsMissing(schema: String)
    /// A migration failed; nothing of it was kept.
    case failed(version: Int, name: String, DatabaseError)
    /// Functions or views could not be created; none of them was kept.
    case definitionsFailed(schema: String, DatabaseError)
    /// Another program held the migration lock for too long.
    case locked
    /// A statement failed or the database could not be reached.
    case database(DatabaseError)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .misnumbered(let version, let expected):
            "this program is broken: it has migration \(version) where \(expected) should be"
        case .changed(let version, let applied, let known):
            applied == known
                ? "migration \(version) (\(known)) was changed after this database applied it; "
                    + "use the program version that applied it"
                : "the database applied “\(applied)” as migration \(version), this program has “\(known)” there; "
                    + "is it the right database?"
        case .newer(let applied, let known):
            "the database is at migration \(applied) and this program knows \(known), too few for this schema; use a newer "
                + "program"
        case .incomplete(let applied, let known):
            "the database is at migration \(applied) and this program needs \(known), which the role that serves may not "
                + "apply; run `clinicd migrate` with --migrate-database"
        case .definitionsMissing(let schema):
            "the functions of this version, the schema \(schema), are not there; run `clinicd migrate` with --migrate-database"
        case .failed(let version, let name, let error):
            "migration \(version) (\(name)) failed and was undone: " + Self.text(of: error)
        case .definitionsFailed(let schema, let error):
            "the functions of the schema \(schema) could not be created: " + Self.text(of: error)
        case .locked: "another program is migrating this database; try again when it is done"
        case .database(let error): "the database cannot be migrated: \(error)"
        }
    }

    private static func text(of error: DatabaseError) -> String {
        if error.state == .lockNotAvailable {
            return "a table is in use all the time; look for long transactions in pg_stat_activity"
        }
        return "\(error)" + (error.serverMessage.map { ": " + $0 } ?? "")
    }
}
