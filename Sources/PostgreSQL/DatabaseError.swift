// The one error that the driver throws. Its description never holds SQL, parameters or the server's message, because those
// can hold patients' data and errors are logged; what the service decides by (code, constraint) is kept as separate values.

/// Why a statement has no result.
public struct DatabaseError: Error, Hashable, Sendable {
    /// What happened to the statement.
    public enum Kind: Hashable, Sendable {
        /// The database cannot be reached; the statement was not carried out.
        case unavailable
        /// The connection was lost after a write was sent: it may or may not have been carried out.
        case outcomeUnknown
        /// Too many statements are waiting; this one was not accepted.
        case queueFull
        /// The task was cancelled; the statement was not sent, or nothing of it was kept.
        case cancelled
        /// The server refused the statement with this code; nothing of it was kept.
        case server(SQLState)
        /// The result of a read is larger than `DatabaseConfiguration.resultLimit`: it was not read to its end.
        case resultTooLarge
        /// A result, or a parameter, does not have the expected type or number.
        case decoding
        /// The connection URL or the server does not fit this program; trying again will not help.
        case unusable
    }

    /// What happened to the statement.
    public let kind: Kind
    /// The reason in words that are safe to log.
    public let reason: String
    /// The constraint that refused the row, if the server named one.
    public let constraint: String?
    /// The table the server named, if any.
    public let table: String?
    /// The server's message for errors of class 42 (wrong SQL: a bug of this program); nil for all others, since they
    /// may quote data. Not part of the description.
    public let serverMessage: String?

    init(
        _ kind: Kind, _ reason: String, constraint: String? = nil, table: String? = nil,
        serverMessage: String? = nil
    ) {
        self.kind = kind
        self.reason = reason
        self.constraint = constraint
        self.table = table
        self.serverMessage = serverMessage
    }
}

extension DatabaseError {
    /// The families that a service reports alike; it chooses their status codes.
    public enum Category: Hashable, Sendable {
        /// A unique or exclusion constraint refused the row.
        case alreadyExists
        /// Another transaction was in the way, also after the driver's own retries.
        case conflict
        /// The statement took longer than it may.
        case timedOut
        /// A limit is reached here or in the server.
        case exhausted
        /// The database is down, read-only, full or going away.
        case unavailable
        /// A value can not be stored as given.
        case invalidValue
        /// It is not known whether the write was carried out.
        case outcomeUnknown
        /// The caller gave up.
        case cancelled
        /// A bug here, or a constraint nobody should have been able to hit.
        case `internal`
    }

    /// The code the server sent, if it was the server that refused.
    public var state: SQLState? {
        if case .server(let state) = kind { state } else { nil }
    }

    /// The family this error belongs to.
    public var category: Category {
        switch kind {
        case .unavailable: .unavailable
        case .outcomeUnknown: .outcomeUnknown
        case .queueFull: .exhausted
        case .cancelled: .cancelled
        case .resultTooLarge, .decoding, .unusable: .internal
        case .server(let state): Self.category(of: state)
        }
    }

    /// True if the very same statement may succeed when it is sent again, and sending it again is safe
    /// because nothing of it was kept.
    public var isRetryable: Bool {
        switch category {
        case .conflict, .exhausted, .unavailable: true
        default: false
        }
    }

    private static func category(of state: SQLState) -> Category {
        switch state {
        case .uniqueViolation, .exclusionViolation: .alreadyExists
        case .serializationFailure, .deadlockDetected: .conflict
        case .queryCancelled: .timedOut
        case .tooManyConnections: .exhausted
        // Nobody else has changed what was read: a table is kept busy, as by a migration.
        case .readOnlySQLTransaction, .diskFull, .lockNotAvailable: .unavailable
        case .characterNotInRepertoire, .untranslatableCharacter, .numericValueOutOfRange,
            .datetimeFieldOverflow:
            .invalidValue
        case .protocolViolation: .internal  // wrong number of parameters: our bug, the connection lives
        case _ where state.errorClass == "08" || state.code.hasPrefix("57P0"): .unavailable
        default: .internal
        }
    }
}

extension DatabaseError: CustomStringConvertible, CustomReflectable {
    /// The kind and the safe reason.
    public var description: String {
        switch kind {
        case .server(let state):
            if let constraint {
                "\(reason) (SQLSTATE \(state), constraint \(constraint))"
            } else {
                "\(reason) (SQLSTATE \(state))"
            }
        default: reason
        }
    }

    /// Only the description, so that dumping the error shows no more than printing it.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
