// Users in the database.
public import PostgreSQL

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
    public func create(_ draft: Draft, origin: Origin) async throws -> UserRecord {
        try await Self.createUser.run(
            on: database, origin,
            [
                .text(draft.firstName), .text(draft.lastName), .text(draft.phone), .text(draft.email),
                .text(draft.passwordHash),
            ])
    }

    /// Makes an administrator, of an existing user too.
    public func makeAdministrator(_ draft: Draft, origin: Origin) async throws -> UserRecord {
        try await Self.makeAdministrator.run(
            on: database, origin,
            [.text(draft.firstName), .text(draft.lastName), .text(draft.email), .text(draft.passwordHash)])
    }

    /// What a sign-in needs to know.
    public struct Credentials: Sendable {
        /// The user's number.
        public let userID: Int64
        /// What the user may do.
        public let role: Role
        /// The `$2b$` hash.
        public let passwordHash: String
    }

    private static let credentials = Statement(
        "select id, role, password_hash from clinic.user_account where email = $1")

    /// The credentials of a normalised e-mail, or nil.
    public func credentials(email: String) async throws -> Credentials? {
        guard var row = try await database.read(Self.credentials, [.text(email)]).first else { return nil }
        return Credentials(
            userID: try row.int64(), role: try row.value(Role.self), passwordHash: try row.text())
    }

    private static let users = Listing<UserRecord>(
        "user_answer", filters: ["email = ?", "role = ?"], order: ["id"])

    /// Users by id.
    public func list(email: String?, role: Role?, after id: Int64?, limit: Int64) async throws -> [UserRecord]
    {
        try await Self.users.page(
            from: database, filters: [email.map { .text($0) }, role.map { .text($0.rawValue) }],
            after: id.map { [.int64($0)] }, limit: limit)
    }
}
