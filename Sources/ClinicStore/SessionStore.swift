// Sessions in the database: refresh tokens by their digests, and what a token's bearer may do now.
public import PostgreSQL
public import Scheduling

/// Who a session belongs to, as the account is now.
public struct SessionRecord: Record {
    /// The user's number.
    public let userID: Int64
    /// The e-mail as it is stored.
    public let email: String
    /// What the user may do.
    public let role: Role
    /// The version that tokens have to name.
    public let tokenVersion: Int64

    static let columns = ["id", "email", "role", "token_version"]

    init(reading row: inout Row) throws {
        userID = try row.int64()
        email = try row.text()
        role = try row.value(Role.self)
        tokenVersion = try row.int64()
    }
}

/// What a user may do, and which of the user's tokens count.
public struct Standing: Sendable, Hashable {
    /// What the user may do.
    public let role: Role
    /// The version that tokens have to name.
    public let tokenVersion: Int64

    /// The standing of a user.
    public init(role: Role, tokenVersion: Int64) {
        self.role = role
        self.tokenVersion = tokenVersion
    }
}

/// Opens, renews and ends sessions.
public struct SessionStore: Sendable {
    private let database: Database

    /// Sessions of this database.
    public init(database: Database) { self.database = database }

    private static let openSession = Mutation<SessionRecord>("open_session", parameterCount: 6)
    private static let refreshSession = Mutation<SessionRecord>("refresh_session", parameterCount: 5)
    private static let revokeTokens = Mutation<UserRecord>("revoke_tokens", parameterCount: 2)

    /// Keeps the digests of a new session's refresh token; harmless to run again. Refused with `staleVersion` when the
    /// account has another token version by now.
    public func open(
        userID: Int64, tokenVersion: Int64, family: [UInt8], token: [UInt8], now: Instant, expiry: Instant,
        context: RequestContext
    ) async throws -> SessionRecord {
        try await Self.openSession.run(
            on: database, context,
            [
                .int64(userID), .int64(tokenVersion), .bytes(family), .bytes(token), .instant(now),
                .instant(expiry),
            ])
    }

    /// Puts the next refresh token in the place of the one presented, all by their digests; harmless to run again. One
    /// that was replaced before ends the session. Refused with `invalidToken`.
    public func refresh(
        family: [UInt8], token: [UInt8], next: [UInt8], now: Instant, expiry: Instant, context: RequestContext
    ) async throws -> SessionRecord {
        try await Self.refreshSession.run(
            on: database, context,
            [.bytes(family), .bytes(token), .bytes(next), .instant(now), .instant(expiry)])
    }

    /// Ends every session of a user. Refused with `userNotFound`.
    ///
    /// - Parameter ownerID: who it must be; nil for administrators.
    public func revoke(userID: Int64, ownerID: Int64?, context: RequestContext) async throws {
        _ = try await Self.revokeTokens.run(on: database, context, [.int64(userID), .int64(ownerID)])
    }

    private static let standing = Statement(
        "select role, token_version from clinic.user_account where id = $1 and erased_at is null")

    /// The standing of a user; nil for nobody, and for who was erased.
    public func standing(of userID: Int64) async throws -> Standing? {
        guard var row = try await database.read(Self.standing, [.int64(userID)]).first else { return nil }
        return Standing(role: try row.value(Role.self), tokenVersion: try row.int64())
    }

    /// Where a reader of changes has come to.
    public struct Position: Sendable, Hashable {
        /// When the server process began, in microseconds: another one may count its transactions otherwise.
        public let server: Int64
        /// Every transaction below this number was visible.
        public let transaction: Int64
        /// How many lost connections had been made again before it was read.
        public let reconnects: Int

        /// A position.
        public init(server: Int64, transaction: Int64, reconnects: Int = 0) {
            self.server = server
            self.transaction = transaction
            self.reconnects = reconnects
        }
    }

    /// Whose standing changed, and how far that is known.
    public struct StandingChanges: Sendable {
        /// Where to go on.
        public let position: Position
        /// The users, some perhaps more than once; nil if it cannot be told who they are.
        public let userIDs: [Int64]?

        /// The changes up to a position.
        public init(position: Position, userIDs: [Int64]?) {
            self.position = position
            self.userIDs = userIDs
        }
    }

    private static let changes = Statement(
        """
        select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
            pg_snapshot_xmin(pg_current_snapshot())::text::bigint, changed.id
        from (values (true)) as always
        left join lateral (
            select id from clinic.user_account where access_changed_by >= $1
            order by access_changed_by limit $2
        ) as changed on true
        """)

    /// At most `limit` users whose standing was changed by what was not visible at a position.
    ///
    /// A transaction that was running then, or began later, has a number at or above the position's, as long as the
    /// server has not crashed: numbers that it had given out and not yet written down are then given out again, to
    /// changes that would look old. No connection survives a crash, so the users are nil when one was made again, as
    /// they are from another server on, or from nil.
    public func changes(from position: Position?, limit: Int64) async throws -> StandingChanges {
        let reconnects = reconnects
        var last: Position?
        let rows = try await database.read(Self.changes, [.int64(position?.transaction), .int64(limit)])
        let userIDs = try rows.compactMap { row -> Int64? in
            var row = row
            last = Position(
                server: try row.int64(), transaction: try row.int64(), reconnects: reconnects)
            return try row.optionalInt64()
        }
        guard let last else { throw StoreError.noAnswer }
        // Counted again behind the answer: the connection that it came on may be a new one.
        let isSameServer = position?.server == last.server && position?.reconnects == self.reconnects
        return StandingChanges(position: last, userIDs: isSameServer ? userIDs : nil)
    }

    private var reconnects: Int {
        let statistics = database.statistics
        return statistics.reads.reconnects &+ statistics.writes.reconnects
    }
}
