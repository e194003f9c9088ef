// Why the database has no answer, in the families that a service tells apart, without the driver.

internal import PostgreSQL

/// A failure of the database, as a service answers it.
public struct StoreFailure: Sendable {
    /// The families of failures.
    public enum Kind: Hashable, Sendable {
        /// A unique or exclusion constraint rejected the row, or another transaction was in the way after all retries.
        case conflict
        /// The statement took longer than it may.
        case timedOut
        /// A limit is reached here or in the server.
        case exhausted
        /// The database is down, read-only, full or going away.
        case unavailable
        /// A value cannot be stored as given.
        case invalidValue
        /// It is not known whether the write was carried out.
        case outcomeUnknown
        /// The caller cancelled.
        case cancelled
        /// A bug here.
        case `internal`
    }

    /// The family.
    public let kind: Kind
    /// The reason in words that are safe to log.
    public let description: String

    /// The failure that a store has thrown; nil for another error.
    public init?(_ error: any Error) {
        guard let error = error as? DatabaseError else { return nil }
        description = error.description
        kind =
            switch error.category {
            case .alreadyExists, .conflict: .conflict
            case .timedOut: .timedOut
            case .exhausted: .exhausted
            case .unavailable: .unavailable
            case .invalidValue: .invalidValue
            case .outcomeUnknown: .outcomeUnknown
            case .cancelled: .cancelled
            case .internal: .internal
            }
    }
}
