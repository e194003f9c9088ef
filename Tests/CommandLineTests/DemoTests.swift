// Runs the script clients/demo with the programs of this build.

import Foundation
import Glibc
import Subprocess
import Testing

@Suite struct DemoTests {
    private static let script = Programs.repository + "/clients/demo"

    @Test func `the demo succeeds and leaves nothing behind`() async throws {
        let (outcome, directory) = try await run(until: nil)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.errors.isEmpty)
        #expect(outcome.output.contains("[exit code 6]"))
        #expect(outcome.output.contains("steps as expected"))
        expectNothingLeft(of: directory)
    }

    @Test func `an interrupted demo stops its server and leaves nothing behind`() async throws {
        let (outcome, directory) = try await run(until: "listening on")
        #expect(outcome.status == 143)
        expectNothingLeft(of: directory)
    }

    @Test(arguments: ["/nonexistent", "/tmp"])
    func `without the programs the demo reports what is missing`(directory: String) async throws {
        let outcome = try await Programs.run("bash", [Self.script, directory])
        #expect(outcome.status == 1)
        #expect(outcome.errors.hasPrefix("demo: "))
        #expect(outcome.errors.hasSuffix("run: make build\n"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    /// Runs the demo, or terminates it once it has printed `text`. Also returns its working directory.
    private func run(until text: String?) async throws -> (Outcome, directory: String) {
        let result = try await Subprocess.run(
            .name("bash"), arguments: [Self.script, Programs.directory], environment: Programs.environment(),
            input: .none, output: .sequence, error: .string(limit: 1 << 20)
        ) { execution in
            var output = ""
            var directory = ""
            for try await line in execution.standardOutput.strings() {
                output += line + "\n"
                if line.contains("listening on") {
                    let process = execution.processIdentifier.value
                    directory = try FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/\(process)/cwd")
                }
                if let text, line.contains(text) { try execution.send(signal: .terminate) }
            }
            return (output, directory)
        }
        let (output, directory) = result.closureResult
        let outcome = Outcome(
            status: Programs.code(of: result.terminationStatus), output: output, errors: result.standardError)
        return (outcome, directory)
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
