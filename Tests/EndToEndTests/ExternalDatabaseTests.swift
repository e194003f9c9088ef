// With --database the PostgreSQL is somebody else's; keys and socket stay in the data directory.

import ClinicMessages
import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct ExternalDatabaseTests {
    @Test func `a named database is served from and the data directory has keys and socket only`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve()
        _ = try await clinic.signUp("ann@example.org")
        #expect(try clinic.contents() == ["clinic.sock", "signing-keys"])
        try await daemon.stop()

        let other = Installation(directory: try TestCluster.makeDirectory(), database: clinic.database)
        try await other.serving(["--signing-keys", clinic.directory + "/signing-keys"]) { _ in
            _ = try await other.logIn("ann@example.org")
        }
    }

    @Test func `migrating twice is migrating once`() async throws {
        let url = try await TestCluster.makeDatabase()
        for _ in 0..<2 {
            let ending = try await Program.run("clinicd", ["migrate", "--database", url])
            #expect(ending.status == 0)
            #expect(ending.output == "clinicd: the schema is up to date\n")
            #expect(ending.errors.isEmpty)
        }
    }

    @Test func `daemons that start at once on a new database share the work`() async throws {
        let url = try await TestCluster.makeDatabase()
        let clinics = try (0..<3).map { _ in try Installation.empty() }
        let keys = try SigningKeyFile(1)
        let daemons = try clinics.map { try $0.start(["--database", url, "--signing-keys", keys.path]) }
        for (clinic, daemon) in zip(clinics, daemons) {
            try await daemon.line(with: "listening on \(clinic.socket)")
        }
        _ = try await clinics[0].signUp("ann@example.org")
        _ = try await clinics[1].logIn("ann@example.org")
        for daemon in daemons { #expect(try await daemon.stop().status == 0) }
    }

    @Test func `a role without the rights is told which`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await TestCluster.administer("CREATE ROLE guest LOGIN")
        let guest = url.replacing("clinic@", with: "guest@")
        let clinic = try Installation.empty()
        let ending = try await clinic.start(["--database", guest]).end()
        expectComplaint(ending, "the database cannot be used", "permission denied for database")
    }

    @Test func `a database that does not exist is named`() async throws {
        let url = try await TestCluster.makeDatabase()
        let name = TestCluster.databaseName(of: url)
        let ending = try await Program.run(
            "clinicd", ["migrate", "--database", url.replacing(name, with: "nowhere")])
        expectComplaint(ending, "database \"nowhere\" does not exist")
    }

    @Test func `a database that is down at the start is waited for, and what is waited for is said`()
        async throws
    {
        let server = try await TestServer.makePrimary()
        try await server.stop()
        let clinic = Installation(
            directory: try TestCluster.makeDirectory(), database: TestServer.url(of: server))
        let daemon = try clinic.start(["--wait-for-database", "600"])
        try await daemon.line(with: "waiting for the database", on: .errors)
        try await server.start()
        try await daemon.line(with: "listening on \(clinic.socket)")
        _ = try await clinic.signUp("ann@example.org")
        #expect(try await daemon.stop().status == 0)
        try await server.stop()
        // Other commands do not wait unless they are told to, and the end of the wait is the error itself.
        expectComplaint(try await clinic.run("migrate"), "No such file or directory")
    }
}
