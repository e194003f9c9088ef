// Administrators are created on the machine of the daemon, not over the network.

public import Bcrypt
public import ClinicStore
internal import RPC

/// Makes administrators.
public struct Administrators: Sendable {
    private let users: UserStore
    private let passwords: BcryptPool

    /// Administrators among these users.
    public init(users: UserStore, passwords: BcryptPool) {
        self.users = users
        self.passwords = passwords
    }

    /// Makes a user an administrator with this password, and creates the user if there is none.
    ///
    /// Throws a status with a readable message when a value is invalid or the database cannot be reached.
    public func make(
        email: String, password: String, firstName: String?, lastName: String?
    ) async throws -> UserRecord {
        var fields = FieldReader()
        let draft = UserStore.Draft(
            firstName: firstName.map { fields.text($0, .firstName) },
            lastName: lastName.map { fields.text($0, .lastName) }, phone: "",
            email: fields.email(email, "email"), passwordHash: "")
        try fields.finish()
        return try await users.makeAdministrator(
            draft.hashed(password, by: passwords),
            context: RequestContext(actorID: nil, method: "clinicd/create-admin"))
    }
}

extension UserStore.Draft {
    /// The same with the hash of a password, which is INVALID_ARGUMENT when it breaks the rules.
    ///
    /// - Parameter share: of whom the password is; nil for the program itself.
    func hashed(
        _ password: String, by pool: BcryptPool, for share: ShareKey? = nil
    ) async throws -> UserStore.Draft {
        var draft = self
        draft.passwordHash = try await pool.hashNew(password, fairnessKey: share?.number)
        return draft
    }
}
