// A password counts however a keyboard spells it: composed (NFC) or in parts (NFD).

import Bcrypt
import ClinicMessages
import ClinicService
import PostgreSQL
import ProtobufC
import RPCMessages
import Testing

@Suite struct PasswordFormTests {
    private static let composed = "M\u{fc}nchner Stra\u{df}e"
    private static let inParts = "Mu\u{308}nchner Stra\u{df}e"

    private func signUp(_ clinic: TestClinic, _ password: String) async throws -> (Session, email: String) {
        let session = try await clinic.connect()
        let email = "form\(clinic.next())@example.org"
        try await session.call(
            UserServiceMethods.createUser,
            CreateUserRequest(firstName: "A", lastName: "B", email: email, password: password))
        return (session, email)
    }

    private func logIn(_ session: Session, _ email: String, _ password: String) async throws -> String {
        try await ending {
            try await session.call(
                UserServiceMethods.login, LoginRequest(email: email, password: password))
        }
    }

    @Test func `both spellings of a password sign in, whichever was set`() async throws {
        try await withClinic { clinic in
            for set in [Self.composed, Self.inParts] {
                let (session, email) = try await signUp(clinic, set)
                for typed in [Self.composed, Self.inParts] {
                    #expect(try await logIn(session, email, typed) == "OK")
                }
                #expect(try await logIn(session, email, "Munchner Stra\u{df}e") == "WRONG_CREDENTIALS")
            }
        }
    }

    @Test func `a hash of the typed form still counts, and is replaced by one of the composed form`()
        async throws
    {
        try await withClinic { clinic in
            let (session, email) = try await signUp(clinic, "another password")
            let old = try await BcryptPool(cost: 4).hash(Self.inParts)
            try await clinic.run(
                "update clinic.user_account set password_hash = $1 where email = $2",
                [.text(old), .text(email)])
            #expect(try await logIn(session, email, Self.composed) == "WRONG_CREDENTIALS")
            for typed in [Self.inParts, Self.composed, Self.inParts] {
                #expect(try await logIn(session, email, typed) == "OK")
            }
        }
    }
}
