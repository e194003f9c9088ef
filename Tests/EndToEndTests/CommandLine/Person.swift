// A user with a session file of their own who runs commands.

import Foundation
import Testing

struct Person: Sendable {
    static let password = "correct horse battery"

    let email: String
    let sessionFile: String
    private let address: String

    /// - Parameter directory: the server's directory.
    init(email: String, directory: String) {
        self.email = email
        sessionFile = "\(directory)/sessions/\(email).json"
        address = "unix:\(directory)/clinic.sock"
    }

    /// The user's environment, with a timeout that suits a busy machine.
    var environment: [String: String] {
        ["CLINIC_ADDRESS": address, "CLINIC_SESSION_FILE": sessionFile, "CLINIC_TIMEOUT": "60"]
    }

    /// The same for a shell that finds the programs of this build.
    var shellEnvironment: [String: String] {
        environment.merging([
            "PATH": "\(Program.directory):/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
            "SWIFT_BACKTRACE": "enable=no",
        ]) { $1 }
    }

    /// Runs `clinic`.
    func clinic(
        _ arguments: String..., input: String = "", environment more: [String: String] = [:]
    ) async throws -> Program.Ending {
        try await clinic(arguments, input: input, environment: more)
    }

    func clinic(
        _ arguments: [String], input: String = "", environment more: [String: String] = [:]
    ) async throws -> Program.Ending {
        try await Program.run(
            "clinic", arguments, environment: environment.merging(more) { $1 }, input: input,
            within: .seconds(120))
    }

    /// Runs `clinic` with JSON output and throws if it fails.
    func requireSuccess(_ arguments: String..., input: String = "") async throws -> Program.Ending {
        let outcome = try await clinic(arguments + ["--output", "json"], input: input)
        guard outcome.status == 0 else {
            throw Program.Missing(
                description: "clinic \(arguments.joined(separator: " ")): \(outcome)")
        }
        return outcome
    }

    /// Runs a line of shell.
    func shell(_ line: String, input: String = "") async throws -> Program.Ending {
        try await Program(
            commandLine: ["/bin/bash", "-c", line], environment: shellEnvironment, input: input
        ).end(within: .seconds(120))
    }

    func login() async throws {
        _ = try await requireSuccess(
            "login", "--email", email, "--password-stdin", input: Person.password + "\n")
    }
}
