// What the daemon says to those who do not know it yet.

import Testing

@Suite(.seated)
struct HelpTests {
    @Test(arguments: [
        [], ["serve"], ["migrate"], ["create-admin"], ["seed-demo"], ["configure"], ["check-config"],
    ])
    func `help has an example that begins with the command`(_ command: [String]) async throws {
        let ending = try await Program.run("clinicd", command + ["--help"])
        #expect(ending.status == 0 && ending.errors.isEmpty)
        let example = (["clinicd"] + command).joined(separator: " ")
        let lines = ending.output.split(separator: "\n")
        let heading = try #require(lines.firstIndex { $0.hasPrefix("Example") })
        #expect(lines[heading...].dropFirst().first?.contains(example) == true, "\(ending.output)")
    }

    @Test func `the version is one line`() async throws {
        let ending = try await Program.run("clinicd", ["--version"])
        #expect(ending.status == 0 && ending.errors.isEmpty)
        #expect(ending.output.wholeMatch(of: /clinicd \d+\.\d+\.\d+\n/) != nil)
    }

    @Test func `without a command the help is shown`() async throws {
        let ending = try await Program.run("clinicd", [])
        #expect(ending.output.contains("SUBCOMMANDS:"))
    }

    @Test(
        arguments: [
            (["sevre"], "Unexpected argument 'sevre'; see `clinicd --help`"),
            (["--sevre"], "Unknown option '--sevre'; see `clinicd --help`"),
            (["migrate", "--listen", "tcp:127.0.0.1:0"], "see `clinicd migrate --help`"),
            (["create-admin"], "Missing expected argument '--email'; see `clinicd create-admin --help`"),
        ] as [([String], String)])
    func `a mistake is one line with a hint`(_ arguments: [String], _ words: String) async throws {
        let ending = try await Program.run("clinicd", arguments)
        expectComplaint(ending, words)
        #expect(ending.status == 2)
    }
}
