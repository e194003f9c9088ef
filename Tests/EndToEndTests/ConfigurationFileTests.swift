// The configuration file: what may stand in it, what wins over it, and that a mistake is named with its line.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct ConfigurationFileTests {
    private func file(_ content: String) throws -> String {
        let path = try TestCluster.makeDirectory() + "/clinicd.conf"
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func check(
        _ content: String, _ options: [String] = [], environment: [String: String] = [:]
    ) async throws -> (path: String, ending: Program.Ending) {
        let path = try file(content)
        return (
            path,
            try await Program.run(
                "clinicd", ["check-config", "--config", path] + options, environment: environment)
        )
    }

    @Test func `a server starts with the options of its file`() async throws {
        let clinic = try await Installation.withDatabase()
        let path = try file(
            """
            # Where everything is
            data-dir = \(clinic.directory)
            database=\(clinic.database ?? "")\r
            \tlisten = \(clinic.socket)
            listen = tcp:127.0.0.1:0

            bcrypt-cost = 4
            allow-unsafe-durability = false
            """)
        let daemon = try Program("clinicd", ["serve", "--config", path])
        try await daemon.line(with: "listening on \(clinic.socket)")
        try await daemon.line(with: "listening on tcp:127.0.0.1:")
        _ = try await clinic.signUp("ann@example.org")
        #expect(try await daemon.stop().status == 0)
        // Other commands take of it what they have.
        let settings = try await Program.run("clinicd", ["configure"], environment: ["CLINIC_CONFIG": path])
        #expect(settings.status == 0 && settings.output.contains("Australia/Sydney"), "\(settings)")
    }

    @Test func `an option wins over the environment and that over the file`() async throws {
        let content = "bcrypt-cost = 77\n"
        let (path, fromFile) = try await check(content)
        expectComplaint(fromFile, "bcrypt-cost (\(path) line 1) is 4 to 16, not 77")
        let fromEnvironment = try await check(content, environment: ["CLINIC_BCRYPT_COST": "88"]).ending
        expectComplaint(fromEnvironment, "CLINIC_BCRYPT_COST is 4 to 16, not 88")
        let fromOption = try await check(
            content, ["--bcrypt-cost=99"], environment: ["CLINIC_BCRYPT_COST": "88"]
        ).ending
        expectComplaint(fromOption, "--bcrypt-cost is 4 to 16, not 99")
        let good = try await check(content, ["--bcrypt-cost=4"]).ending
        #expect(good.status == 0 && good.output == "clinicd: the configuration is in order\n", "\(good)")
    }

    @Test(arguments: [
        ("\n\nbcrypt-cots = 4\n", "line 3: \"bcrypt-cots\" is no option; did you mean bcrypt-cost?"),
        ("zzzzzzzzzzzz = 4", "line 1: \"zzzzzzzzzzzz\" is no option"),
        ("bcrypt-cost 4\n", "line 1: is not NAME = VALUE"),
        ("bcrypt-cost =\n", "line 1: bcrypt-cost has no value"),
        ("bcrypt-cost = 4\n# twice\nbcrypt-cost = 4\n", "line 3: bcrypt-cost is on line 1 too"),
        ("allow-unsafe-durability = yes\n", "line 1: allow-unsafe-durability is true or false"),
        ("config = /other\n", "\"config\" is no option"), ("replace-signing-keys = true\n", "is no option"),
        ("log-level = lo\u{0}ud\n", "line 1: is not UTF-8 text"),
        ("drain-time = 1\nlog-level = loud\n", "'log-level ("), ("tls-key = /x\n", "tls-key ("),
        (String(repeating: "#", count: 70_000), "has more than 65536 bytes"),
        ("signing-keys = /nowhere\n", "the signing keys /nowhere: there is no such file"),
        ("tls-cert = /nowhere\ntls-key = /nowhere\nlisten = tls:127.0.0.1:0\n", "/nowhere"),
        ("time-zone = Mars/Olympus\n", "time-zone ("),
    ])
    func `a mistake is named with its line`(content: String, words: String) async throws {
        let (path, ending) = try await check(content)
        expectComplaint(ending, words)
        #expect(ending.errors.contains(path) || words.contains("/nowhere"), "\(ending.errors)")
    }

    @Test func `a file that is not there is complained about`() async throws {
        let missing = try await Program.run("clinicd", ["serve", "--config", "/nowhere.conf"])
        expectComplaint(missing, "the configuration file /nowhere.conf cannot be read")
        let folder = try await Program.run(
            "clinicd", ["check-config"], environment: ["CLINIC_CONFIG": "/tmp"])
        expectComplaint(folder, "the configuration file /tmp is not a file")
    }

    @Test func `the file that is shipped is in order`() async throws {
        let path = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        let ending = try await Program.run(
            "clinicd", ["check-config", "--config", "/\(path)/Sources/clinicd/Packaging/clinicd.conf"])
        #expect(ending.status == 0, "\(ending)")
    }
}
