// What a login costs and stores, through the socket: the work is counted in rounds of bcrypt.

import Bcrypt
import ClinicMessages
import PostgreSQL
import RPC
import RPCMessages
import Testing

@Suite struct PasswordWorkTests {
    private static let cost = 8

    /// The e-mail of a new patient whose stored hash is this one.
    private func account(storing hash: String, _ clinic: TestClinic) async throws -> String {
        let email = "patient\(clinic.next())@example.org"
        let user = try await clinic.connect().call(
            UserServiceMethods.createUser,
            CreateUserRequest(
                firstName: "Pat", lastName: "Ient", email: email, password: TestClinic.password))
        _ = try await clinic.database.write(
            Statement("update clinic.user_account set password_hash = $2 where id = $1"),
            [.int64(user.id), .text(hash)])
        return email
    }

    private func logIn(_ session: Session, _ email: String, _ password: String) async throws -> String? {
        try await status {
            try await session.call(
                UserServiceMethods.login, LoginRequest(email: email, password: password))
        }?.errorInfo?.reason
    }

    @Test func `a refused login takes the same work, whatever is stored`() async throws {
        let passwords = try BcryptPool(cost: Self.cost, threadCount: 1)
        try await withClinic(passwords: passwords) { clinic in
            let session = try await clinic.connect()
            let erased = try await clinic.signUp()
            let email = try await erased.call(UserServiceMethods.getUser, GetUserRequest()).email
            try await erased.call(UserServiceMethods.eraseUser, EraseUserRequest(userID: erased.userID))
            var emails = ["nobody@example.org", email, "erased \(erased.userID)"]
            for cost in [4, 7, Self.cost] {
                let hash = try Bcrypt.hash(TestClinic.password, cost: cost)
                emails.append(try await account(storing: hash, clinic))
            }
            let unusable = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
            emails.append(try await account(storing: unusable, clinic))
            for email in emails {
                let before = passwords.roundCount
                #expect(try await logIn(session, email, "wrong") == "WRONG_CREDENTIALS")
                #expect(passwords.roundCount - before == 1 << Self.cost, "\(email)")
            }
            // A stranger who has to wait costs the same, with the right password too.
            for _ in 0..<2 {
                for email in emails { _ = try await logIn(session, email, "wrong") }
            }
            try await clinic.holdLoginThrottle()
            for email in emails {
                for password in ["wrong", TestClinic.password] {
                    let before = passwords.roundCount
                    #expect(try await logIn(session, email, password) == "LOGIN_THROTTLED")
                    #expect(passwords.roundCount - before == 1 << Self.cost, "\(email)")
                }
            }
        }
    }

    @Test(arguments: [4, 10])
    func `a login stores a hash of today's cost, and ends no session`(cost: Int) async throws {
        try await withClinic(passwords: BcryptPool(cost: Self.cost)) { clinic in
            let old = try Bcrypt.hash(TestClinic.password, cost: cost)
            let email = try await account(storing: old, clinic)
            let session = try await clinic.connect().signedIn(email: email, userID: 0)
            let stored =
                "select count(*) from clinic.user_account where email = $1 and password_hash like '$2b$08$%'"
            #expect(try await clinic.count(stored, [.text(email)]) == 1)
            #expect(try await logIn(session.anonymous, email, TestClinic.password) == nil)
            #expect(try await logIn(session.anonymous, email, "wrong") == "WRONG_CREDENTIALS")
            #expect(try await session.call(UserServiceMethods.getUser, GetUserRequest()).email == email)
        }
    }
}
