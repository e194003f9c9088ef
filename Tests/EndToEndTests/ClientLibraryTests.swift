// The clients for other languages, each with tests of its own in its language, meet a daemon that those tests restart.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct ClientLibraryTests {
    /// What the tests of a client are told: how to start a daemon with three listeners, and who is its administrator.
    private static func environment() async throws -> [String: String] {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        #expect(try await clinic.createAdministrator("root@example.org").status == 0)
        let authority = try await clinic.makeAuthority()
        let command =
            [Program.directory + "/clinicd", "serve"] + clinic.place + [
                "--bcrypt-cost", "4", "--listen", "\(clinic.socket)", "--listen", "tcp:127.0.0.1:0",
                "--listen",
                "tls:127.0.0.1:0", "--tls-cert", authority + "/server.pem", "--tls-key",
                authority + "/server.key",
                "--tls-client-ca", authority + "/ca.pem",
            ]
        return [
            "CLINIC_TEST_DAEMON": String(decoding: try JSONEncoder().encode(command), as: UTF8.self),
            "CLINIC_TEST_CERTIFICATES": authority, "CLINIC_TEST_ADMINISTRATOR": "root@example.org",
            "CLINIC_TEST_PASSWORD": Installation.password,
        ]
    }

    @Test func `the Python package keeps sessions, changes once, and watches through restarts`() async throws
    {
        let tests = try await PythonPrograms.testPackage(try await Self.environment())
        #expect(tests.status == 0, "\(tests)")
        let ran = try #require(tests.errors.firstMatch(of: /Ran (\d+) tests/)?.1)
        #expect(try #require(Int(ran)) > 25, "\(tests)")
        #expect(!tests.errors.contains("skipped"), "\(tests)")
    }

    @Test func `the Go package keeps sessions, changes once, and watches through restarts`() async throws {
        let tests = try await GoPrograms.start(
            "clinic.test", ["-test.v", "-test.timeout=5m"], environment: try await Self.environment()
        ).end(within: .seconds(300))
        #expect(tests.status == 0, "\(tests)")
        #expect(tests.outputLines.filter { $0.hasPrefix("--- PASS") }.count > 15, "\(tests)")
        #expect(!tests.output.contains("--- SKIP"), "\(tests)")
    }
}
