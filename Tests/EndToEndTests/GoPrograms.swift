// The programs of Tests/Interop/go, on the public Go library for ttrpc as Debian has it. They are built once for the
// test run; Go's own cache stays beside the other products, so that only the first run takes long.

import Foundation
import TestCluster
import Testing

enum GoPrograms {
    private static let directory = Task {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Interop/go/build").path
        let built = try TestCluster.makeDirectory()
        let building = try Program(
            commandLine: [script, built, Program.directory + "/go-cache"],
            environment: ["PATH": "/usr/bin:/bin", "TMPDIR": built])
        let ending = try await building.end(within: .seconds(300))
        guard ending.status == 0 else {
            throw Program.Missing(description: "Tests/Interop/go/build failed: \(ending.errors)")
        }
        return built
    }

    /// Starts one of them.
    static func start(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> Program {
        try Program(
            commandLine: [try await directory.value + "/" + name] + arguments, environment: environment)
    }
}
