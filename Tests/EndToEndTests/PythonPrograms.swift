// The programs of Tests/Interop/python, on the gRPC libraries of PyPI. The stubs are made once for the test run; the
// libraries stay beside the other products, so that only the first run fetches them.

import Foundation
import TestCluster
import Testing

enum PythonPrograms {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Interop/python").path
    private static let libraries = Program.directory + "/python-grpc"

    private static let stubs = Task {
        let made = try TestCluster.makeDirectory()
        let building = try Program(
            commandLine: [folder + "/build", made, libraries],
            environment: ProcessInfo.processInfo.environment.merging(["TMPDIR": made]) { $1 })
        let ending = try await building.end(within: .seconds(300))
        guard ending.status == 0 else {
            throw Program.Missing(description: "Tests/Interop/python/build failed: \(ending.errors)")
        }
        return made
    }

    /// Runs one of them to its end, with the folder of the stubs as its first argument.
    static func run(_ name: String, _ arguments: [String]) async throws -> Program.Ending {
        let program = try Program(
            commandLine: [libraries + "/bin/python", "\(folder)/\(name).py", try await stubs.value]
                + arguments,
            environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "GRPC_VERBOSITY": "NONE"])
        return try await program.end(within: .seconds(120))
    }

    /// Runs the tests of clients/python on the package as it is installed.
    static func testPackage(_ environment: [String: String]) async throws -> Program.Ending {
        let tests = URL(filePath: folder).appending(path: "../../../clients/python/tests").standardized.path
        let settings = [
            "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "GRPC_VERBOSITY": "NONE",
            "PYTHONPATH": try await stubs.value + "/package",
        ]
        let program = try Program(
            commandLine: [libraries + "/bin/python", "-m", "unittest", "discover", "-v", "-s", tests],
            environment: settings.merging(environment) { $1 })
        return try await program.end(within: .seconds(300))
    }
}
