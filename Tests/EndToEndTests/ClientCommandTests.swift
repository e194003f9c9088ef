// The two programs together: `clinic` finds the daemon of the same data directory and does its work with it.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct ClientCommandTests {
    @Test func `a patient signs up, signs in and books with the command line`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        let daemon = try await clinic.serve()
        let home = try Installation.empty().directory
        func run(_ arguments: String..., input: String = "") async throws -> Program.Ending {
            try await Program.run(
                "clinic", arguments,
                environment: ["CLINIC_ADDRESS": "\(clinic.socket)", "HOME": home], input: input)
        }

        let password = Installation.password + "\n"
        let signUp = try await run(
            "user", "create", "--first-name", "Ann", "--last-name", "Lee", "--email", "ann@example.org",
            "--phone", "0400000000", "--password-stdin", input: password)
        #expect(signUp.status == 0, "\(signUp)")
        #expect(
            try await run("login", "--email", "ann@example.org", "--password-stdin", input: password).status
                == 0)
        #expect(try await run("doctor", "list").output.contains("Dr Amelia Hart"))

        try await daemon.stop()
        let refused = try await run("doctor", "list", "--timeout", "1")
        #expect(refused.status == 7, "\(refused)")
    }
}
