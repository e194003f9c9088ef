// Passwords that were forgotten: asked for by anybody, allowed by an administrator, set by whoever has the token.

import ClinicMessages
import ClinicService
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Testing

@Suite struct PasswordResetTests {
    private func ask(_ session: Session, _ email: String) async throws {
        try await session.call(
            UserServiceMethods.requestPasswordReset, RequestPasswordResetRequest(email: email))
    }

    private func open(_ administrator: Session) async throws -> [Int64] {
        try await administrator.call(
            UserServiceMethods.listPasswordResetRequests, ListPasswordResetRequestsRequest()
        ).requests.map { $0.userID }
    }

    private func token(_ administrator: Session, _ user: Session, key: String? = nil) async throws -> String {
        try await administrator.call(
            UserServiceMethods.createPasswordReset, CreatePasswordResetRequest(userID: user.userID), key: key
        ).token
    }

    private func reset(_ session: Session, _ token: String, _ password: String) async throws {
        try await session.call(
            UserServiceMethods.resetPassword, ResetPasswordRequest(token: token, password: password))
    }

    private func email(_ session: Session) async throws -> String {
        try await session.call(UserServiceMethods.getUser, GetUserRequest()).email
    }

    @Test func `a forgotten password is asked for, allowed and set, and the user signed out everywhere`()
        async throws
    {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let anonymous = try await clinic.connect()
            let address = try await email(patient)
            try await ask(anonymous, address.uppercased())
            #expect(try await open(administrator) == [patient.userID])
            let token = try await token(administrator, patient, key: "reset")
            #expect(try await open(administrator).isEmpty)
            try await reset(anonymous, token, "a new password")
            #expect(
                try await ending { _ = try await email(patient) } == "INVALID_TOKEN")
            let login = LoginRequest(email: address, password: "a new password")
            try await anonymous.call(UserServiceMethods.login, login)
            #expect(
                try await ending {
                    try await anonymous.call(
                        UserServiceMethods.refreshToken,
                        RefreshTokenRequest(refreshToken: patient.refreshToken))
                } == "INVALID_TOKEN")
            // It counts once, also for whoever gets it again with its key.
            #expect(try await self.token(administrator, patient, key: "reset") == token)
            #expect(
                try await ending { try await reset(anonymous, token, "yet another one") } == "INVALID_TOKEN")
            let secrets =
                "select count(*) from clinic.idempotency_key where response::text like '%' || $1 || '%'"
            #expect(try await clinic.count(secrets, [.text(token)]) == 0)
        }
    }

    @Test func `an unknown e-mail is answered as a known one, and throttled as one`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let known = try await email(clinic.signUp())
            let anonymous = try await clinic.connect()
            for address in [known, "nobody@example.org"] {
                for _ in 0..<3 { try await ask(anonymous, address) }
                try await clinic.holdLoginThrottle()
                #expect(try await ending { try await ask(anonymous, address) } == "LOGIN_THROTTLED")
            }
            #expect(try await open(administrator).count == 1)
        }
    }

    @Test func `a newer token, an expired one, another password and a promotion end a token`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let anonymous = try await clinic.connect()
            func refused(_ token: String) async throws -> String {
                try await ending { try await reset(anonymous, token, "a new password") }
            }
            let patient = try await clinic.signUp()
            let first = try await token(administrator, patient)
            let second = try await token(administrator, patient)
            #expect(try await refused(first) == "INVALID_TOKEN")
            try await clinic.run("update clinic.password_reset set expires_at = now()")
            #expect(try await refused(second) == "INVALID_TOKEN")
            let third = try await token(administrator, patient)
            try await patient.call(
                UserServiceMethods.changePassword,
                ChangePasswordRequest(currentPassword: TestClinic.password, newPassword: "my own choice"))
            #expect(try await refused(third) == "INVALID_TOKEN")
            let promoted = try await clinic.signUp()
            let fourth = try await token(administrator, promoted)
            try await administrator.call(
                UserServiceMethods.setUserRole, SetUserRoleRequest(userID: promoted.userID, role: .admin))
            #expect(try await refused(fourth) == "INVALID_TOKEN")
            #expect(try await refused("none") == "INVALID_TOKEN")
            #expect(
                try await ending { try await reset(anonymous, fourth, "short") } == "INVALID_PASSWORD")
        }
    }

    @Test func `one of two who use a token at once sets the password`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let token = try await token(administrator, patient)
            let anonymous = try await clinic.connect()
            let endings = try await race(
                (0..<4).map { number in { try await reset(anonymous, token, "password number \(number)") } })
            #expect(endings == ["OK": 1, "INVALID_TOKEN": 3])
        }
    }
}
