// Another e-mail for an account, through the socket: it needs the caller's password, and does not tell at speed which addresses
// are taken.

import ClinicMessages
import OpenSSL
import PostgreSQL
import ProtobufC
import RPC
import Testing

@Suite struct EmailChangeTests {
    private func me(_ session: Session) async throws -> User {
        try await session.call(UserServiceMethods.getUser, GetUserRequest())
    }

    /// How a change of an e-mail ends.
    private func change(
        _ session: Session, to email: String, password: String = TestClinic.password, of userID: Int64 = 0
    ) async throws -> String {
        outcome(
            of: try await status {
                try await session.call(
                    UserServiceMethods.updateUser,
                    UpdateUserRequest(
                        userID: userID, user: User(email: email), currentPassword: password))
            })
    }

    @Test func `a stolen token does not move the account`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let before = try await me(patient)
            let new = "new\(clinic.next())@example.org"
            #expect(try await change(patient, to: new, password: "") == "INVALID_FIELD")
            #expect(try await change(patient, to: new, password: "guess") == "WRONG_CREDENTIALS")
            #expect(try await me(patient) == before)
            #expect(try await change(patient, to: new) == "OK")
            #expect(try await me(patient).email == new)
            // What is stored already is no change, in whatever case.
            #expect(try await change(patient, to: new.uppercased(), password: "") == "OK")
        }
    }

    @Test func `an administrator gives the own password`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let administrator = try await clinic.administrator()
            let email = try await me(administrator).email
            try await administrator.call(
                UserServiceMethods.changePassword,
                ChangePasswordRequest(currentPassword: TestClinic.password, newPassword: "battery staple"))
            let again = try await administrator.signIn(email, "battery staple")
            #expect(
                try await change(again, to: "moved@example.org", of: patient.userID) == "WRONG_CREDENTIALS")
            #expect(
                try await change(
                    again, to: "moved@example.org", password: "battery staple", of: patient.userID)
                    == "OK")
            #expect(try await me(patient).email == "moved@example.org")
        }
    }

    @Test func `without the password taken and free addresses get the same answer, and with it few do`()
        async throws
    {
        try await withClinic { clinic in
            let taken = try await clinic.account()
            let patient = try await clinic.signUp()
            for email in [taken, "free@example.org"] {
                #expect(try await change(patient, to: email, password: "guess") == "WRONG_CREDENTIALS")
            }
            try await clinic.forgetLoginFailures()
            // A change that succeeds tells as much as one that does not.
            #expect(try await change(patient, to: taken) == "EMAIL_TAKEN")
            #expect(try await change(patient, to: "free@example.org") == "OK")
            #expect(try await change(patient, to: taken) == "EMAIL_TAKEN")
            try await clinic.holdLoginThrottle()
            for email in [taken, "free2@example.org"] {
                #expect(try await change(patient, to: email).hasPrefix("LOGIN_THROTTLED"))
            }
            // Other changes go on.
            try await patient.call(
                UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "0411111111")))
        }
    }

    @Test func `of many addresses tried at once three are answered`() async throws {
        try await withClinic { clinic in
            let taken = try await clinic.account()
            let endings = try await within(.seconds(1)) {
                let patient = try await clinic.signUp()
                let request = UpdateUserRequest(
                    user: User(email: taken), currentPassword: TestClinic.password)
                return try await race(
                    (0..<20).map { _ in { _ = try await patient.call(UserServiceMethods.updateUser, request) }
                    })
            }
            #expect(endings == ["EMAIL_TAKEN": 3, "LOGIN_THROTTLED": 17])
        }
    }

    @Test func `a change that is repeated under its key answers as before, and its password cannot be tried`()
        async throws
    {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let request = UpdateUserRequest(
                user: User(email: "new@example.org"), currentPassword: TestClinic.password)
            let first = try await patient.call(UserServiceMethods.updateUser, request, key: "again")
            #expect(
                try await patient.call(UserServiceMethods.updateUser, request, key: "again").encoded()
                    == first.encoded())
            try await clinic.forgetLoginFailures()
            #expect(try await change(patient, to: "newer@example.org") == "OK")
            #expect(
                try await patient.call(UserServiceMethods.updateUser, request, key: "again").encoded()
                    == first.encoded())
            #expect(try await me(patient).email == "newer@example.org")
            let kept = "select count(*) from clinic.idempotency_key where request_digest = $1"
            let plain = try SHA256.digest(request.encoded()).bytes
            #expect(try await clinic.count(kept, [.bytes(plain)]) == 0)
            #expect(try await clinic.count("select count(*) from clinic.idempotency_key") == 1)
        }
    }
}
