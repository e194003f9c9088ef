// The description of the machine and the program's revision.

import Foundation
import Subprocess
import Testing

@testable import clinic_load

struct MachineTests {
    @Test func `this machine is described`() {
        let machine = MachineFacts.current()
        #expect(machine.cores >= 1 && machine.memoryBytes > 1 << 20)
        #expect(!machine.processor.isEmpty && machine.system.hasPrefix("Linux "))
    }

    @Test func `a program outside of a checkout has an unknown revision`() async throws {
        let folder = try TemporaryFolder()
        let program = folder.path + "/program"
        try "".write(toFile: program, atomically: true, encoding: .utf8)
        #expect(await RunFacts.revision(ofProgramAt: program) == "unknown")
        #expect(await RunFacts.revision(ofProgramAt: "/nowhere/program") == "unknown")
    }

    @Test func `a program in a checkout has the revision of its commit`() async throws {
        let folder = try TemporaryFolder()
        let program = folder.path + "/program"
        try "one".write(toFile: program, atomically: true, encoding: .utf8)
        try await git(["init", "--quiet"], in: folder)
        try await git(["add", "program"], in: folder)
        try await git(
            ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "One"],
            in: folder)
        func date(_ seconds: Double) throws {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: seconds)], ofItemAtPath: program)
        }
        try date(60)
        let revision = await RunFacts.revision(ofProgramAt: program)
        #expect(revision.wholeMatch(of: /[0-9a-f]{12}/) != nil)
        try date(-60)
        #expect(await RunFacts.revision(ofProgramAt: program) == "unknown, built before \(revision)")
        try "two".write(toFile: program, atomically: true, encoding: .utf8)
        try date(60)
        #expect(await RunFacts.revision(ofProgramAt: program) == revision + "-dirty")
    }

    private func git(_ arguments: [String], in folder: TemporaryFolder) async throws {
        let result = try await Subprocess.run(
            .name("git"), arguments: Arguments(["-C", folder.path] + arguments), output: .discarded,
            error: .string(limit: 4096))
        #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    }
}
