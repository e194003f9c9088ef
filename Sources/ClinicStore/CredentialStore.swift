// What a password is compared with, and what slows down whoever guesses: the failures of each account and peer are in the
// database, so that they outlive a restart and count on every server.

public import PostgreSQL

/// What failures are counted by. Both digests are made under a key, so that the database knows neither e-mail nor address.
public struct LoginThrottleKey: Sendable {
    /// 32 bytes for the account, whether or not it exists.
    public let account: [UInt8]
    /// 32 bytes for where the call comes from.
    public let peer: [UInt8]
    /// Calls with the same one use one connection, where each sees the failures of those before it.
    let affinityKey: Int64

    /// The key of an account that may not exist.
    public init(account: [UInt8], peer: [UInt8]) {
        let affinityKey = account.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(account: account, peer: peer, affinityKey: Int64(bitPattern: affinityKey))
    }

    /// The key of a user who is signed in, whose changes use one connection.
    public init(account: [UInt8], peer: [UInt8], userID: Int64) {
        self.init(account: account, peer: peer, affinityKey: userID)
    }

    private init(account: [UInt8], peer: [UInt8], affinityKey: Int64) {
        self.account = account
        self.peer = peer
        self.affinityKey = affinityKey
    }

    var values: [SQLValue] { [.bytes(account), .bytes(peer)] }
}

/// What is known of an account before its password is compared.
public struct LoginState: Sendable {
    /// What the password is compared with.
    public struct Credentials: Sendable {
        /// The user's number.
        public let userID: Int64
        /// The version that tokens have to name.
        public let tokenVersion: Int64
        /// The `$2b$` hash.
        public let passwordHash: String
    }

    /// Nil if there is no such account.
    public let credentials: Credentials?
    /// How many seconds the account and the peer have to wait, 0 to 60.
    public let delay: Int64
    /// How often passwords of the account were wrong in the last 15 minutes, from all peers together, at most 100.
    public let failureCount: Int64
    /// Whether the user has signed in from the peer in the last 90 days.
    public let isKnownPeer: Bool
    /// Whether the call shows a live refresh token of the user.
    public let showsRefreshToken: Bool
}

/// Reads credentials and counts wrong passwords.
public struct CredentialStore: Sendable {
    private let database: Database

    /// Credentials of this database.
    public init(database: Database) { self.database = database }

    /// The same columns whoever is asked about: an unknown e-mail costs what a known one does.
    private static func state(where condition: String, peer: String, token: String) -> Statement {
        Statement(
            """
            select account.id, account.token_version, account.password_hash, login_delay($1, $2, known.user_id),
                count_login_failures($1, 100), known.user_id is not null, session.user_id is not null
            from (values (true)) as always
            left join clinic.user_account as account on \(condition) and account.erased_at is null
            left join clinic.login_peer as known on known.user_id = account.id and known.peer = \(peer)
            left join clinic.refresh_family as session on session.user_id = account.id
                and session.token_version = account.token_version and session.expires_at > now() and \(token)
            """)
    }

    private static let stateOfEmail = state(
        where: "account.email = $3", peer: "$2", token: "session.family = $4 and session.token = $5")
    private static let stateOfUser = state(where: "account.id = $3", peer: "null", token: "false")

    /// What is known of the account of a normalised e-mail.
    ///
    /// - Parameter refreshToken: the digests of the session and of the token that the call shows.
    public func state(
        email: String, key: LoginThrottleKey, refreshToken: (family: [UInt8], token: [UInt8])?,
        for context: RequestContext
    ) async throws -> LoginState {
        try await state(
            Self.stateOfEmail,
            key.values + [.text(email), .bytes(refreshToken?.family), .bytes(refreshToken?.token)],
            context)
    }

    /// What is known of a signed-in user's account. No peer is known and no token shown: a stolen access token is used from
    /// where it was stolen.
    public func state(
        userID: Int64, key: LoginThrottleKey, for context: RequestContext
    ) async throws -> LoginState {
        try await state(Self.stateOfUser, key.values + [.int64(userID)], context)
    }

    private func state(
        _ statement: Statement, _ parameters: [SQLValue], _ context: RequestContext
    ) async throws -> LoginState {
        guard var row = try await database.read(statement, parameters, for: context).first else {
            throw StoreError.noAnswer
        }
        let (id, version, hash) = (
            try row.optionalInt64(), try row.optionalInt64(), try row.optionalText()
        )
        var credentials: LoginState.Credentials?
        if let id, let version, let hash {
            credentials = .init(userID: id, tokenVersion: version, passwordHash: hash)
        }
        return LoginState(
            credentials: credentials, delay: try row.int64(), failureCount: try row.int64(),
            isKnownPeer: try row.bool(), showsRefreshToken: try row.bool())
    }

    private static let addFailure = Statement("select add_login_failure($1, $2, $3)")

    /// Counts a wrong password, unless the account and the peer have to wait; returns how many seconds they have to, or 0.
    ///
    /// - Parameter userID: whose sign-ins from the peer end the count; nil for nobody's.
    public func addFailure(
        _ key: LoginThrottleKey, userID: Int64?, for context: RequestContext
    ) async throws -> Int64 {
        let rows = try await database.write(
            Self.addFailure, key.values + [.int64(userID)], affinityKey: key.affinityKey,
            for: context)
        guard var row = rows.first else { throw StoreError.noAnswer }
        return try row.int64()
    }
}
