// Runs the script clients/demo with the programs of this build.

import Foundation
import Testing

@Suite struct DemoScriptTests {
    private static let script =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../../clients/demo")
        .standardizedFileURL.path

    @Test func `the demo succeeds and leaves nothing behind`() async throws {
        let (outcome, directory) = try await run(isInterrupted: false)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.errors.isEmpty)
        #expect(outcome.output.contains("[exit code 6]"))
        #expect(outcome.output.contains("steps as expected"))
        expectNothingLeft(of: directory)
    }

    @Test func `an interrupted demo stops its server and leaves nothing behind`() async throws {
        let (outcome, directory) = try await run(isInterrupted: true)
        #expect(outcome.status == 143)
        expectNothingLeft(of: directory)
    }

    @Test(arguments: ["/nonexistent", "/tmp"])
    func `without the programs the demo reports what is missing`(directory: String) async throws {
        let outcome = try await start(directory).end()
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("demo: "))
        #expect(outcome.errors.hasSuffix("run: make build\n"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    private func start(_ directory: String) throws -> Program {
        try Program(
            commandLine: ["/bin/bash", Self.script, directory],
            environment: [
                "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SWIFT_BACKTRACE": "enable=no",
            ])
    }

    /// Runs the demo to its end, or terminates it once its server listens. Also returns its working directory.
    private func run(isInterrupted: Bool) async throws -> (Program.Ending, directory: String) {
        let demo = try start(Program.directory)
        try await demo.line(with: "listening on", within: .seconds(120))
        let directory = try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/\(demo.identifier)/cwd")
        let ending = try await isInterrupted ? demo.stop() : demo.end(within: .seconds(120))
        return (ending, directory)
    }

    /// Checks that the directory and all processes of the demo are gone.
    private func expectNothingLeft(of directory: String) {
        #expect(directory.hasPrefix("/tmp/clinic-demo."))
        #expect(!FileManager.default.fileExists(atPath: directory))
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for process in processes where Int(process) != nil {
            let command = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            #expect(!String(decoding: command, as: UTF8.self).contains(directory))
            let workingDirectory = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(process)/cwd")
            #expect(workingDirectory?.hasPrefix(directory) != true)
        }
    }
}
