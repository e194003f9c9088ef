// Somebody with a session file of their own, who types commands.

import Foundation

struct Person: Sendable {
    static let password = "correct horse battery"

    let email: String
    let sessionFile: String
    private let address: String

    /// - Parameter directory: that of the server.
    init(email: String, directory: String) {
        self.email = email
        sessionFile = "\(directory)/sessions/\(email).json"
        address = "unix:\(directory)/clinic.sock"
    }

    /// What the person's shell has set; time enough for a machine that is busy with other tests.
    var environment: [String: String] {
        ["CLINIC_ADDRESS": address, "CLINIC_SESSION_FILE": sessionFile, "CLINIC_TIMEOUT": "60"]
    }

    /// Runs `clinic`.
    func clinic(
        _ arguments: String..., input: String = "", environment more: [String: String] = [:]
    ) async throws -> Outcome {
        try await clinic(arguments, input: input, environment: more)
    }

    func clinic(
        _ arguments: [String], input: String = "", environment more: [String: String] = [:]
    ) async throws -> Outcome {
        try await Programs.run(
            "clinic", arguments, input: input, environment: environment.merging(more) { $1 })
    }

    /// Runs `clinic` for its JSON, and throws if it does not end well.
    func done(_ arguments: String..., input: String = "") async throws -> Outcome {
        let outcome = try await clinic(arguments + ["--output", "json"], input: input)
        guard outcome.status == 0 else {
            throw Surprise("clinic \(arguments.joined(separator: " ")): \(outcome)")
        }
        return outcome
    }

    /// Runs a line of shell.
    func shell(_ line: String, input: String = "") async throws -> Outcome {
        try await Programs.run("bash", ["-c", line], input: input, environment: environment)
    }

    func login() async throws {
        _ = try await done("login", "--email", email, "--password-stdin", input: Person.password + "\n")
    }
}
