// Passwords that were forgotten: open requests, and the tokens with which new ones are set.
public import PostgreSQL
public import Scheduling

/// An open request for a new password.
public struct PasswordResetRequestRecord: Record {
    /// The user's number.
    public let userID: Int64
    /// The user's e-mail.
    public let email: String
    /// Given name.
    public let firstName: String
    /// Family name.
    public let lastName: String
    /// When it was last asked for.
    public let requestedAt: Instant

    static let columns = ["user_id", "email", "first_name", "last_name", "requested_at"]

    init(reading row: inout Row) throws {
        userID = try row.int64()
        email = try row.text()
        firstName = try row.text()
        lastName = try row.text()
        requestedAt = try row.instant()
    }
}

/// A token that was made for a new password.
public struct PasswordResetRecord: Record {
    /// Whose password it sets.
    public let userID: Int64
    /// What the token follows from, under a key of the service.
    public let nonce: [UInt8]
    /// When it expires.
    public let expiry: Instant

    static let columns = ["user_id", "nonce", "expires_at"]

    init(reading row: inout Row) throws {
        userID = try row.int64()
        nonce = try row.bytes()
        expiry = try row.instant()
    }
}

/// Keeps requests and tokens for new passwords.
public struct PasswordResetStore: Sendable {
    private let database: Database

    /// Those of this database.
    public init(database: Database) { self.database = database }

    private static let request = Statement("select request_password_reset($1, $2, $3)")

    /// Leaves a request for the account of a normalised e-mail, if there is one. Returns how many seconds the e-mail and the peer
    /// have to wait, or 0.
    public func request(
        email: String, key: LoginThrottleKey, for context: RequestContext
    ) async throws -> Int64 {
        let rows = try await database.write(
            Self.request, [.text(email)] + key.values, affinityKey: key.affinityKey, for: context)
        guard var row = rows.first else { throw StoreError.noAnswer }
        return try row.int64()
    }

    private static let create = Mutation<PasswordResetRecord>("create_password_reset", parameterCount: 4)

    /// Stores the digest of a user's new token. Refused with `userNotFound`, `isAdministrator`.
    public func create(
        userID: Int64, nonce: [UInt8], token: [UInt8], expiry: Instant, context: RequestContext
    ) async throws -> PasswordResetRecord {
        try await Self.create.run(
            on: database, context, [.int64(userID), .bytes(nonce), .bytes(token), .instant(expiry)])
    }

    private static let isLive = Statement(
        "select exists (select from clinic.password_reset where token = $1 and expires_at > $2)")

    /// Whether a token with this digest counts.
    public func isLive(_ token: [UInt8], now: Instant, for context: RequestContext) async throws -> Bool {
        guard
            var row = try await database.read(
                Self.isLive, [.bytes(token), .instant(now)], for: context
            ).first
        else { return false }
        return try row.bool()
    }

    private static let reset = Mutation<UserRecord>("reset_password", parameterCount: 3)

    /// Sets a password and ends all sessions. Refused with `invalidToken`.
    public func reset(_ token: [UInt8], to hash: String, now: Instant, context: RequestContext) async throws
        -> UserRecord
    {
        try await Self.reset.run(
            on: database, context, [.bytes(token), .text(hash), .instant(now)])
    }

    private static let requests = Listing<PasswordResetRequestRecord>(
        "password_reset_request_view", order: ["requested_at", "user_id"])

    /// Open requests, the oldest first.
    public func requests(
        after cursor: (requestedAt: Instant, userID: Int64)?, limit: Int64, for context: RequestContext
    ) async throws -> [PasswordResetRequestRecord] {
        try await Self.requests.page(
            from: database, after: cursor.map { [.instant($0.requestedAt), .int64($0.userID)] }, limit: limit
        ).answer(for: context)
    }
}
