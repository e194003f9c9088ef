// Runs the programs built beside this test bundle as a user would: as processes with real arguments, pipes and exit
// codes.

import Foundation
import Subprocess

/// The result of a program.
struct Outcome: CustomStringConvertible {
    let status: Int32
    let output: String
    let errors: String

    /// The last line on standard error.
    var lastError: String { errors.split(separator: "\n").last.map(String.init) ?? "" }

    var description: String { "exit code \(status)\n-- output:\n\(output)-- errors:\n\(errors)" }

    /// Standard output as a JSON object.
    func json() throws -> [String: Any] { try Self.object(output) }

    static func object(_ text: String) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw SetupFailure("not a JSON object: \(text)")
        }
        return object
    }
}

/// A failure of a test's setup.
struct SetupFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The programs, and the repository they come from.
enum Programs {
    /// The directory of `clinic` and `clinicd`: that of the running test bundle.
    static let directory: String = {
        let bundle = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: bundle ?? CommandLine.arguments[0]).deletingLastPathComponent().path
    }()

    /// The root of the repository.
    static let repository: String =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// An environment without the variables of the user who runs the tests.
    static func environment(_ variables: [String: String] = [:]) -> Environment {
        var all: [Environment.Key: String] = [
            "PATH": "\(directory):/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
            "SWIFT_BACKTRACE": "enable=no",
        ]
        for (name, value) in variables { all[Environment.Key(stringLiteral: name)] = value }
        return .custom(all)
    }

    /// The exit code, or a shell's status for a signal.
    static func code(of status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    /// Runs a program from the path to its end. A shell passes the input as a file, because a program may end
    /// without reading a pipe, which Subprocess does not survive.
    static func run(
        _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Outcome {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("clinic-input-\(UUID())")
        try input.write(to: file, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let line = #"file=$1; shift; exec "$@" <"$file""#
        let result = try await Subprocess.run(
            .name("bash"), arguments: Arguments(["-c", line, "bash", file.path, program] + arguments),
            environment: Self.environment(environment),
            input: .none, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        return Outcome(
            status: code(of: result.terminationStatus), output: result.standardOutput,
            errors: result.standardError)
    }
}
