// PostgreSQL's own five-letter error codes, under the names its manual gives them (appendix A, "PostgreSQL
// Error Codes"). Only those this program tells apart are named; any other still travels as its code.

/// A SQLSTATE: the five characters of the server's error code.
public struct SQLState: Hashable, Sendable, CustomStringConvertible {
    /// The five characters, as the server sent them.
    public let code: String

    /// Wraps a code as the server sent it.
    public init(_ code: String) {
        self.code = code
    }

    /// The first two characters: the family of errors the code belongs to.
    public var errorClass: Substring { code.prefix(2) }

    /// The code itself.
    public var description: String { code }
}

extension SQLState {
    /// 08P01: the parameters do not fit the statement, or a message is out of place.
    public static let protocolViolation = SQLState("08P01")
    /// 0A000: also reported when a prepared plan no longer fits its table.
    public static let featureNotSupported = SQLState("0A000")
    /// 22003: a number beyond its column.
    public static let numericValueOutOfRange = SQLState("22003")
    /// 22008: a date or time beyond what the server can hold.
    public static let datetimeFieldOverflow = SQLState("22008")
    /// 22021: text that is not UTF-8, or holds U+0000.
    public static let characterNotInRepertoire = SQLState("22021")
    /// 22P05: a character the database's encoding lacks.
    public static let untranslatableCharacter = SQLState("22P05")
    /// 23502: NULL where none may be.
    public static let notNullViolation = SQLState("23502")
    /// 23503: the row refers to one that is absent, or is referred to.
    public static let foreignKeyViolation = SQLState("23503")
    /// 23505: a second row with the same unique key.
    public static let uniqueViolation = SQLState("23505")
    /// 23514: a CHECK refused the row.
    public static let checkViolation = SQLState("23514")
    /// 23P01: an exclusion constraint refused the row (two bookings overlap).
    public static let exclusionViolation = SQLState("23P01")
    /// 25006: a write on a read-only connection or a standby.
    public static let readOnlySQLTransaction = SQLState("25006")
    /// 26000: the prepared statement is not there (any more).
    public static let invalidSQLStatementName = SQLState("26000")
    /// 40001: the transaction could not be serialised; the same again may work.
    public static let serializationFailure = SQLState("40001")
    /// 40P01: two transactions waited for each other and this one gave way.
    public static let deadlockDetected = SQLState("40P01")
    /// 42501: the role lacks the right.
    public static let insufficientPrivilege = SQLState("42501")
    /// 42601: the statement is not SQL.
    public static let syntaxError = SQLState("42601")
    /// 42P01: the table is not there.
    public static let undefinedTable = SQLState("42P01")
    /// 53100: the server's disk is full.
    public static let diskFull = SQLState("53100")
    /// 53300: the server takes no more connections.
    public static let tooManyConnections = SQLState("53300")
    /// 55P03: a lock was not granted within lock_timeout.
    public static let lockNotAvailable = SQLState("55P03")
    /// 57014: cancelled by statement_timeout or by request.
    public static let queryCancelled = SQLState("57014")
    /// 57P01: the server shuts down, or an administrator ended the connection.
    public static let adminShutdown = SQLState("57P01")
    /// 57P03: the server is starting up, recovering or shutting down.
    public static let cannotConnectNow = SQLState("57P03")
}
