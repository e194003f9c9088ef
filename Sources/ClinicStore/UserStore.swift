// Users in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes users.
public struct UserStore: Sendable {
    private let database: Database

    /// Users of this database.
    public init(database: Database) { self.database = database }

    /// A user to make, already checked and normalised.
    public struct Draft: Sendable {
        /// Given name; nil (administrators only): as it was, or a neutral one.
        public var firstName: String?
        /// Family name; nil as for the given name.
        public var lastName: String?
        /// E.164, digits or empty.
        public var phone: String
        /// Trimmed and lower-cased.
        public var email: String
        /// The `$2b$` hash.
        public var passwordHash: String

        /// A user to make.
        public init(firstName: String?, lastName: String?, phone: String, email: String, passwordHash: String)
        {
            self.firstName = firstName
            self.lastName = lastName
            self.phone = phone
            self.email = email
            self.passwordHash = passwordHash
        }
    }

    private static let createUser = Mutation<UserRecord>("create_user", parameterCount: 5)
    private static let makeAdministrator = Mutation<UserRecord>("make_administrator", parameterCount: 4)

    /// Signs a patient up. Refused with `emailTaken`.
    public func create(_ draft: Draft, context: RequestContext) async throws -> UserRecord {
        try await Self.createUser.run(
            on: database, context,
            [
                .text(draft.firstName), .text(draft.lastName), .text(draft.phone), .text(draft.email),
                .text(draft.passwordHash),
            ])
    }

    /// Makes an administrator, of an existing user too.
    public func makeAdministrator(_ draft: Draft, context: RequestContext) async throws -> UserRecord {
        try await Self.makeAdministrator.run(
            on: database, context,
            [.text(draft.firstName), .text(draft.lastName), .text(draft.email), .text(draft.passwordHash)])
    }

    private static let updateUser = Mutation<UserRecord>(
        "update_user", parameterCount: 10, locks: LockedParameters(user: 0))
    /// It may wait for somebody who wants the same e-mail, and so has a transaction of its own.
    private static let changeEmail = Mutation<UserRecord>("update_user", parameterCount: 10)
    private static let changePassword = Mutation<UserRecord>("change_password", parameterCount: 5)
    private static let setUserRole = Mutation<UserRecord>("set_user_role", parameterCount: 3)
    private static let eraseUser = Mutation<CancellationsRecord>("erase_user", parameterCount: 6)

    /// What of a user is to change, already checked and normalised; nil leaves a field as it is.
    public struct Changes: Sendable {
        /// Given name.
        public var firstName: String?
        /// Family name.
        public var lastName: String?
        /// E.164, digits or empty.
        public var phone: String?
        /// Trimmed and lower-cased.
        public var email: String?

        /// No change.
        public init() {}
    }

    /// What allows a new e-mail: the hash that the caller's password was checked against, and what attempts are counted by.
    public struct CheckedPassword: Sendable {
        let hash: String
        let key: LoginThrottleKey

        /// A password that was right.
        public init(hash: String, key: LoginThrottleKey) {
            self.hash = hash
            self.key = key
        }
    }

    /// Changes a user. Refused with `userNotFound`, `staleEtag`; with a new e-mail also `loginThrottled`, `staleVersion` when
    /// the caller's hash is another by now, and `emailTaken`.
    ///
    /// - Parameters:
    ///   - ownerID: who it must be; nil for administrators.
    ///   - version: at which version it must be; nil for whichever.
    ///   - checkedPassword: the caller's; nil when the e-mail stays.
    public func update(
        _ id: Int64, ownerID: Int64?, version: Int64?, _ changes: Changes, checkedPassword: CheckedPassword?,
        context: RequestContext
    ) async throws -> UserRecord {
        try await (changes.email == nil ? Self.updateUser : Self.changeEmail).run(
            on: database, context,
            [
                .int64(id), .int64(ownerID), .int64(version), .text(changes.firstName),
                .text(changes.lastName), .text(changes.phone), .text(changes.email),
                .text(checkedPassword?.hash), .bytes(checkedPassword?.key.account),
                .bytes(checkedPassword?.key.peer),
            ])
    }

    /// Replaces a password and ends all sessions. Refused with `staleVersion` when the hash is another by now, and with
    /// `loginThrottled`.
    public func changePassword(
        of id: Int64, from oldHash: String, to newHash: String, key: LoginThrottleKey, context: RequestContext
    ) async throws -> UserRecord {
        try await Self.changePassword.run(
            on: database, context, [.int64(id), .text(oldHash), .text(newHash)] + key.values)
    }

    /// Gives a user another role and ends all sessions. Refused with `userNotFound`, `staleEtag`,
    /// `lastAdministrator`.
    public func setRole(
        of id: Int64, version: Int64?, to role: Role, context: RequestContext
    ) async throws -> UserRecord {
        try await Self.setUserRole.run(
            on: database, context, [.int64(id), .int64(version), .text(role.rawValue)])
    }

    /// Makes a person unknown and cancels what he or she has booked after `now`: as the clinic, or as the patient who erases
    /// himself or herself. Refused with `userNotFound`, `lastAdministrator`.
    ///
    /// - Parameters:
    ///   - ownerID: who it must be; nil for administrators.
    ///   - refundSeconds: how long before the start the deadline of a booking without one is.
    ///   - isPreview: nothing is changed.
    public func erase(
        _ id: Int64, ownerID: Int64?, now: Instant, refundSeconds: Int64, isPreview: Bool,
        context: RequestContext
    ) async throws -> CancellationsRecord {
        try await Self.eraseUser.run(
            on: database, context,
            [
                .int64(id), .int64(ownerID), .instant(now), .statuses(BookingStatus.occupying),
                .int64(refundSeconds), .bool(isPreview),
            ])
    }

    private static let one = Statement(
        "select \(UserRecord.columnList()) from user_view where id = $1 and ($2::bigint is null or id = $2)")

    /// A user. Refused with `userNotFound`.
    ///
    /// - Parameter ownerID: who it must be; nil for the staff.
    public func get(_ id: Int64, ownerID: Int64?) -> Query<UserRecord> {
        Query(database, Self.one, [.int64(id), .int64(ownerID)], orRefused: .userNotFound)
    }

    private static let replay = Replay<UserRecord>("user_view")

    /// What the context's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to context: RequestContext) async throws -> UserRecord? {
        try await Self.replay.run(on: database, context)
    }

    private static let users = Listing<UserRecord>(
        "user_view", filters: ["email = ?", "role = ?", "id in (select users_found(?))"], order: ["id"])

    /// Users by id; those with an e-mail, a role, and words that begin with those of a query.
    public func list(
        email: String?, role: Role?, query: String?, after id: Int64?, limit: Int64,
        for context: RequestContext?
    ) async throws -> [UserRecord] {
        try await Self.users.page(
            from: database,
            filters: [
                email.map { .text($0) }, role.map { .text($0.rawValue) }, query.map { .text($0) },
            ],
            after: id.map { [.int64($0)] }, limit: limit
        ).answer(for: context)
    }
}
