// Sessions in the database: refresh tokens by their digests, and each user's current role and token version.
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
    /// The digest of the session's refresh token.
    public let token: [UInt8]

    static let columns = ["id", "email", "role", "token_version", "token"]

    init(reading row: inout Row) throws {
        userID = try row.int64()
        email = try row.text()
        role = try row.value(Role.self)
        tokenVersion = try row.int64()
        token = try row.bytes()
    }
}

/// The role of a user, and the version of the user's valid tokens.
public struct UserAccess: Sendable, Hashable {
    /// What the user may do.
    public let role: Role
    /// The version that tokens have to name.
    public let tokenVersion: Int64
    /// The sessions that were ended while access tokens of theirs may be valid; mostly none.
    public let endedSessions: [Int64]

    /// A role with a token version.
    public init(role: Role, tokenVersion: Int64, endedSessions: [Int64] = []) {
        self.role = role
        self.tokenVersion = tokenVersion
        self.endedSessions = endedSessions
    }
}

/// Opens, renews and ends sessions.
public struct SessionStore: Sendable {
    private let database: Database

    /// Sessions of this database.
    public init(database: Database) { self.database = database }

    private static let openSession = Mutation<SessionRecord>("open_session", parameterCount: 11)
    private static let refreshSession = Mutation<SessionRecord>("refresh_session", parameterCount: 6)
    private static let revokeTokens = Mutation<UserRecord>("revoke_tokens", parameterCount: 2)

    /// Keeps the digests of a new session's refresh token; harmless to run again. Refused with `staleVersion` when the
    /// account has another token version by now, and with `loginThrottled`.
    ///
    /// - Parameters:
    ///   - isTrusted: whether failures of the key do not count.
    ///   - oldHash: what the password was compared with.
    ///   - newHash: what is stored in its place; nil leaves it.
    public func open(
        userID: Int64, tokenVersion: Int64, family: [UInt8], token: [UInt8], now: Instant, expiry: Instant,
        key: LoginThrottleKey, isTrusted: Bool, oldHash: String, newHash: String?,
        context: RequestContext
    ) async throws -> SessionRecord {
        try await Self.openSession.run(
            on: database, context,
            [
                .int64(userID), .int64(tokenVersion), .bytes(family), .bytes(token), .instant(now),
                .instant(expiry),
            ] + key.values + [.bool(isTrusted), .text(oldHash), .text(newHash)], affinityKey: key.affinityKey)
    }

    /// Puts the next refresh token in the place of the one presented, all by their digests; harmless to run again. One
    /// that was replaced before ends the session, unless the next one was not used yet and is less than 30 seconds old.
    /// Refused with `invalidToken`, whose `detail` has the `user_id` if a session was ended.
    ///
    /// - Parameters:
    ///   - successors: the token that takes its place, and those that may have taken it before.
    ///   - openedAfter: sessions that were opened then or before have expired.
    public func refresh(
        family: [UInt8], token: [UInt8], successors: [[UInt8]], now: Instant, expiry: Instant,
        openedAfter: Instant, context: RequestContext
    ) async throws -> SessionRecord {
        try await Self.refreshSession.run(
            on: database, context,
            [
                .bytes(family), .bytes(token), .bytes(Array(successors.joined())), .instant(now),
                .instant(expiry),
                .instant(openedAfter),
            ])
    }

    /// Ends every session of a user. Refused with `userNotFound`.
    ///
    /// - Parameter ownerID: who it must be; nil for administrators.
    public func revoke(userID: Int64, ownerID: Int64?, context: RequestContext) async throws {
        _ = try await Self.revokeTokens.run(on: database, context, [.int64(userID), .int64(ownerID)])
    }

    private static let access = Statement(
        """
        select role, token_version, array(
            select ('x' || encode(substr(family, 1, 8), 'hex'))::bit(64)::bigint from clinic.refresh_family
            where user_id = $1 and ended_at is not null)
        from clinic.user_account where id = $1 and erased_at is null
        """)

    /// The role and token version of a user; nil if there is no such user or the user was erased.
    public func access(of userID: Int64) async throws -> UserAccess? {
        // It is read for the user's own calls.
        let rows = try await database.read(
            Self.access, [.int64(userID)], fairnessKey: UInt64(bitPattern: userID))
        guard var row = rows.first else { return nil }
        return UserAccess(
            role: try row.value(Role.self), tokenVersion: try row.int64(), endedSessions: try row.int64Array()
        )
    }

    /// Up to where a reader has read the changes of roles and token versions.
    public struct Position: Sendable, Hashable {
        /// When the server process started, in microseconds; another process may number its transactions differently.
        public let server: Int64
        /// Every transaction below this number was visible.
        public let transaction: Int64
        /// How often a lost connection had been reopened before the position was read.
        public let reconnects: Int

        /// A position.
        public init(server: Int64, transaction: Int64, reconnects: Int = 0) {
            self.server = server
            self.transaction = transaction
            self.reconnects = reconnects
        }
    }

    /// Users whose role or token version changed, and up to where the changes were read.
    public struct UserAccessChanges: Sendable {
        /// Where the next read begins.
        public let position: Position
        /// The users, possibly with duplicates; nil if it is not known which users changed.
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

    /// At most `limit` users whose role or token version was changed by transactions not yet visible at a position.
    ///
    /// A transaction that was running then, or began later, has a number at or above the position's, unless PostgreSQL
    /// crashed: numbers that were assigned but not yet written to disk are then assigned again, to changes that would look
    /// old. No connection survives a crash, so the users are nil after a reconnect, on another server process, and
    /// without a position.
    public func changes(from position: Position?, limit: Int64) async throws -> UserAccessChanges {
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
        // Read again after the query, which may itself have reconnected.
        let isSameServer = position?.server == last.server && position?.reconnects == self.reconnects
        return UserAccessChanges(position: last, userIDs: isSameServer ? userIDs : nil)
    }

    private var reconnects: Int {
        let statistics = database.statistics
        return statistics.reads.reconnects &+ statistics.writes.reconnects
    }
}
