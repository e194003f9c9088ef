// The help text of every command.

import Foundation
import Testing

@Suite struct ClientHelpTests {
    /// All commands; a test checks the list against the help of the groups.
    static let commands: [[String]] = [
        ["login"], ["logout"], ["whoami"], ["reset-password"], ["user", "create"], ["user", "list"],
        ["user", "find"], ["user", "show"],
        ["user", "update"], ["user", "change-password"], ["user", "set-role"], ["user", "sign-out"],
        ["user", "export"], ["user", "erase"], ["user", "reset-password"], ["user", "resets"],
        ["department", "list"],
        ["department", "create"], ["department", "update"], ["department", "delete"], ["doctor", "list"],
        ["doctor", "register"], ["doctor", "update"], ["doctor", "delete"], ["doctor", "show"],
        ["doctor", "set-schedule"], ["department", "show"], ["time-off", "create"], ["time-off", "list"],
        ["time-off", "delete"], ["slot", "search"], ["booking", "show"], ["booking", "hold"],
        ["booking", "confirm"], ["booking", "reschedule"], ["booking", "create"],
        ["booking", "list"], ["booking", "mine"], ["booking", "today"], ["config"], ["booking", "watch"],
        ["booking", "cancel"],
        ["booking", "set-status"],
        ["booking", "delete"], ["booking", "pay"], ["transaction", "list"], ["transaction", "refund"],
        ["transaction", "delete"], ["transaction", "show"], ["transaction", "receipt"], ["audit", "list"],
        ["audit", "access"],
        ["audit", "check"],
        ["report", "revenue"], ["report", "utilization"], ["health"], ["call"], ["list"],
        ["describe"],
    ]

    @Test(arguments: commands)
    func `every command has help with an example of itself`(command: [String]) async throws {
        let help = try await Program.run("clinic", command + ["--help"])
        #expect(help.status == 0)
        #expect(help.errors.isEmpty)
        let name = (["clinic"] + command).joined(separator: " ")
        #expect(help.output.contains("Example:\n  \(name)"))
        #expect(help.output.contains("USAGE: \(name)"))
    }

    @Test func `the help of the program and its groups lists every command`() async throws {
        for group in Set(Self.commands.map { $0.dropLast() }) {
            let help = try await Program.run("clinic", Array(group) + ["--help"])
            #expect(help.status == 0)
            #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
            let listed = help.output.split(separator: "SUBCOMMANDS:\n").last?.split(separator: "\n")
                .compactMap { $0.firstMatch(of: /^ {2}([a-z-]+) {2}/).map { String($0.1) } }
            let known = Set(Self.commands.filter { $0.starts(with: group) }.map { $0[group.count] })
            #expect(Set(listed ?? []) == known)
        }
    }

    @Test func `help needs no server, and the version is one line`() async throws {
        let version = try await Program.run("clinic", ["--version"])
        #expect(version.status == 0)
        #expect(version.output.wholeMatch(of: /clinic [0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
        #expect(try await Program.run("clinic", ["help", "booking", "create"]).status == 0)
    }
}
