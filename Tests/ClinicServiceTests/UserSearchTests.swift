// Users found by the words that somebody at the desk knows.

import ClinicMessages
import RPC
import RPCMessages
import Testing

@Suite(.serialized) struct UserSearchTests {
    /// A query, and who is found; nil: it is refused.
    private static let queries: [(String, [String]?)] = [
        ("ada", ["ada"]), ("LOVE", ["ada"]), ("ada love", ["ada"]), ("love ada king", ["ada"]),
        ("ada bär", []),
        ("ada@", ["ada"]), ("example", ["ada", "zoe"]), ("+61 412", ["ada"]), ("+61412", ["ada"]),
        ("0412345", ["ada"]),
        ("412345678", ["ada"]), ("bärb", ["zoe"]), ("BÄR", ["zoe"]), ("brien", ["zoe"]),
        ("o'br", ["zoe"]), ("%", nil),
        ("a", nil), ("ada x", nil), ("__", []), ("", ["ada", "zoe"]),
    ]

    @Test func `each word of a query begins a word of who is found`() async throws {
        try await withClinic { clinic in
            let anonymous = try await clinic.connect()
            var names: [Int64: String] = [:]
            for (name, first, last, phone) in [
                ("ada", "Ada", "King Lovelace", "+61412345678"), ("zoe", "Bärbel", "O'Brien", "0298765432"),
            ] {
                let user = try await anonymous.call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: first, lastName: last, phone: phone, email: "\(name)@example.org",
                        password: TestClinic.password))
                names[user.id] = name
            }
            let desk = try await clinic.staff(by: clinic.administrator())
            for (query, found) in Self.queries {
                let refusal = try await status(of: {
                    let users = try await desk.call(
                        UserServiceMethods.listUsers, ListUsersRequest(role: .patient, query: query)
                    ).users
                    #expect(users.compactMap { names[$0.id] } == found, "\(query)")
                })
                #expect((refusal == nil) == (found != nil), "\(query): \(String(describing: refusal))")
                if let refusal {
                    #expect(refusal.badRequest?.fieldViolations.map(\.field) == ["query"], "\(query)")
                }
            }
        }
    }

    @Test func `a user is found by what he or she is called now, and not after an erasure`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let administrator = try await clinic.administrator()
            func found(_ query: String) async throws -> [Int64] {
                try await administrator.call(
                    UserServiceMethods.listUsers, ListUsersRequest(query: query)
                ).users.map(\.id)
            }
            #expect(try await found("ient") == [patient.userID])
            _ = try await patient.call(
                UserServiceMethods.updateUser, UpdateUserRequest(user: User(lastName: "Quill")))
            #expect(try await found("ient") == [])
            #expect(try await found("pat qui") == [patient.userID])
            _ = try await administrator.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID))
            #expect(try await found("qui") == [])
            #expect(try await found("eras") == [])
        }
    }
}
