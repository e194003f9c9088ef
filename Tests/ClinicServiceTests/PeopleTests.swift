// What people do with their accounts, through the socket: reading, changing, passwords, roles.

import ClinicMessages
import ClinicService
import OpenSSL
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Testing

@Suite(.serialized) struct PeopleTests {
    private static let shared = Task { try await TestClinic() }

    func scene() async throws -> (clinic: TestClinic, administrator: Session, patient: Session) {
        let clinic = try await Self.shared.value
        return (clinic, try await clinic.administrator(), try await clinic.signUp())
    }

    func me(_ session: Session) async throws -> User {
        try await session.call(UserServiceMethods.getUser, GetUserRequest())
    }

    func reason(of call: () async throws -> Void) async throws -> String? {
        try await status(of: call)?.errorInfo?.reason
    }

    @Test func `a person reads the own account, the staff read any`() async throws {
        let (clinic, administrator, patient) = try await scene()
        let account = try await me(patient)
        #expect(account.id == patient.userID)
        #expect(account.role == .patient)
        let staff = try await clinic.staff(by: administrator)
        for reader in [patient, staff, administrator] {
            #expect(
                try await reader.call(UserServiceMethods.getUser, GetUserRequest(userID: patient.userID))
                    == account)
        }
    }

    @Test func `an update changes the fields of its mask, and the new e-mail signs in`() async throws {
        let (clinic, administrator, patient) = try await scene()
        let before = try await me(patient)
        let email = "renamed\(clinic.next())@example.org"
        let renamed = try await patient.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(
                user: User(firstName: " Ada ", phone: "", email: email.uppercased(), role: .admin),
                updateMask: ProtobufFieldMask(paths: ["first_name", "phone", "email"]), etag: before.etag,
                currentPassword: TestClinic.password))
        #expect(
            renamed
                == User(
                    id: before.id, firstName: "Ada", lastName: before.lastName, phone: "", email: email,
                    role: .patient, etag: renamed.etag))
        #expect(renamed.etag != before.etag)
        #expect(try await patient.signedIn(email: email, userID: before.id).token != nil)

        let byAdministrator = try await administrator.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(userID: before.id, user: User(lastName: "Lovelace")))
        #expect(byAdministrator.firstName == "Ada")
        #expect(byAdministrator.lastName == "Lovelace")
        let nothing = try await patient.call(UserServiceMethods.updateUser, UpdateUserRequest())
        #expect(nothing == byAdministrator)
    }

    @Test
    func `an update that is repeated under its key answers as the first time, the old etag notwithstanding`()
        async throws
    {
        let (_, _, patient) = try await scene()
        let request = UpdateUserRequest(
            user: User(phone: "0411111111"), etag: try await me(patient).etag)
        let first = try await patient.call(UserServiceMethods.updateUser, request, key: "again")
        try await patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "0422222222")))
        let second = try await patient.call(UserServiceMethods.updateUser, request, key: "again")
        #expect(second.encoded() == first.encoded())
        #expect(try await me(patient).phone == "0422222222")
    }

    @Test func `a new password ends every session, and only it signs in from then on`() async throws {
        let (_, _, patient) = try await scene()
        let email = try await me(patient).email
        let other = try await patient.signedIn(email: email, userID: patient.userID)
        let change = ChangePasswordRequest(
            currentPassword: TestClinic.password, newPassword: "battery staple")
        try await patient.call(UserServiceMethods.changePassword, change, key: "new")
        for session in [patient, other] {
            #expect(try await reason { _ = try await me(session) } == "INVALID_TOKEN")
            #expect(
                try await reason {
                    try await session.anonymous.call(
                        UserServiceMethods.refreshToken,
                        RefreshTokenRequest(refreshToken: session.refreshToken))
                } == "INVALID_TOKEN")
        }
        #expect(
            try await reason { _ = try await patient.signedIn(email: email, userID: 0) }
                == "WRONG_CREDENTIALS")
        let login = try await patient.anonymous.call(
            UserServiceMethods.login, LoginRequest(email: email, password: "battery staple"))

        // Under its key it answers as before, although the current password is another now, and changes nothing.
        let again = Session(client: patient.client, token: login.token, userID: patient.userID)
        try await again.call(UserServiceMethods.changePassword, change, key: "new")
        #expect(try await me(again).id == patient.userID)
        #expect(
            try await reason {
                try await again.call(
                    UserServiceMethods.changePassword,
                    ChangePasswordRequest(currentPassword: "guess", newPassword: "battery staple 2"),
                    key: "new")
            } == "KEY_REUSED")
    }

    @Test func `what is kept of a key does not let passwords be tried on it`() async throws {
        let (clinic, _, patient) = try await scene()
        let change = ChangePasswordRequest(
            currentPassword: TestClinic.password, newPassword: "battery staple")
        try await patient.call(UserServiceMethods.changePassword, change, key: "digest")
        let plain = try SHA256.digest(change.encoded()).bytes
        let kept = "select count(*) from clinic.idempotency_key where user_id = $1"
        #expect(try await clinic.count(kept, [.int64(patient.userID)]) == 1)
        #expect(
            try await clinic.count(
                kept + " and request_digest = $2", [.int64(patient.userID), .bytes(plain)]) == 0)
    }

    @Test func `another role holds from the next call on, and the old token does not`() async throws {
        let (_, administrator, patient) = try await scene()
        let email = try await me(patient).email
        let promoted = try await administrator.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: patient.userID, role: .admin))
        #expect(promoted.role == .admin && promoted.isAdmin)
        #expect(try await reason { _ = try await me(patient) } == "INVALID_TOKEN")
        let second = try await patient.signedIn(email: email, userID: patient.userID)
        try await second.call(UserServiceMethods.listUsers, ListUsersRequest())

        try await administrator.call(
            UserServiceMethods.setUserRole,
            SetUserRoleRequest(userID: patient.userID, role: .patient, etag: promoted.etag))
        #expect(
            try await reason { try await second.call(UserServiceMethods.listUsers, ListUsersRequest()) }
                == "INVALID_TOKEN")
        // Whoever has the role already is left alone.
        let third = try await patient.signedIn(email: email, userID: patient.userID)
        try await administrator.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: patient.userID, role: .patient))
        #expect(try await me(third).role == .patient)
    }

    @Test func `of two administrators who take the role from each other on two servers one stays`()
        async throws
    {
        try await withTwoServers { clinic, other in
            let connection = try await other.connect()
            for _ in 0..<6 {
                let first = try await clinic.administrator()
                let second = try await clinic.administrator().on(connection)
                _ = try await clinic.database.write(
                    Statement("update clinic.user_account set role = 'PATIENT' where id <> all ($1)"),
                    [.int64Array([first.userID, second.userID])])
                func demote(_ rival: Session, by one: Session) -> @Sendable () async throws -> Void {
                    {
                        try await one.call(
                            UserServiceMethods.setUserRole,
                            SetUserRoleRequest(userID: rival.userID, role: .staff))
                    }
                }
                let ends = try await race(
                    // The lock on changes of administrators; each of the two has locked another account before.
                    behind: "select pg_advisory_xact_lock(7411, 1)",
                    in: [clinic, other],
                    [
                        Contenders(backends: 1, demote(second, by: first)),
                        Contenders(backends: 2, demote(first, by: second)),
                    ])
                #expect(ends == [["OK": 1], ["LAST_ADMINISTRATOR": 1]])
                let left = "select count(*) from clinic.user_account where role = 'ADMIN'"
                #expect(try await clinic.count(left) == 1)
            }
        }
    }
}

extension Session {
    /// The same person on another connection.
    func on(_ other: Session) -> Session {
        Session(client: other.client, token: token, userID: userID, refreshToken: refreshToken)
    }
}
