// What sessions need is set whatever the role and the database have as their defaults, and a server that would lose what was
// acknowledged is not served from.

import ClinicMessages
import Foundation
import PostgreSQL
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct DurabilityTests {
    /// Runs a script as the superuser of a test database's cluster.
    private func alter(_ clinic: Installation, _ setting: String) async throws {
        let name = TestCluster.databaseName(of: try #require(clinic.database))
        for role in ["clinic", "clinic_service"] {
            try await TestCluster.administer("ALTER ROLE \(role) IN DATABASE \(name) SET \(setting)")
        }
    }

    @Test(arguments: [
        "default_transaction_read_only = on", "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on", "synchronous_commit = off", "TimeZone = 'Pacific/Apia'",
        "DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "standard_conforming_strings = off",
        "bytea_output = 'escape'", "search_path = 'nowhere'", "statement_timeout = '200ms'",
        "lock_timeout = '1ms'", "idle_session_timeout = '200ms'", "client_encoding = 'LATIN1'",
    ])
    func `a default of the role changes nothing`(setting: String) async throws {
        let clinic = try await Installation.withDatabase()
        try await alter(clinic, setting)
        try await clinic.serving { _ in
            let made = try await clinic.createAdministrator("boss@example.org")
            #expect(made.status == 0, "\(made)")
            _ = try await clinic.signUp("ann@example.org")
            _ = try await clinic.logIn("ann@example.org")
        }
    }

    @Test func `a role whose triggers are off is refused, or warned of if that is allowed`() async throws {
        let clinic = try await Installation.withDatabase()
        try await alter(clinic, "session_replication_role = 'replica'")
        let refusal = try await clinic.start().end()
        expectComplaint(
            refusal, "session_replication_role is replica", "start with --allow-unsafe-durability")
        #expect(!refusal.output.contains("listening"))
        try await clinic.serving(["--allow-unsafe-durability"]) { daemon in
            let line = try await daemon.line(with: "acknowledged changes can be lost", on: .errors)
            #expect(line.contains("session_replication_role is replica"), "\(line)")
            _ = try await clinic.signUp("ann@example.org")
        }
        let variable = ["CLINIC_ALLOW_UNSAFE_DURABILITY": "1"]
        try await clinic.serving(environment: variable) { _ in }
    }

    @Test(arguments: ["fsync", "full_page_writes"])
    func `a server that does not write safely is refused, or warned of if that is allowed`(
        setting: String
    ) async throws {
        let directory = try TestCluster.makeDirectory()
        let cluster = try await TestCluster.startPrivateCluster(in: directory)
        await cluster.stop()
        let server = try self.server(in: directory, with: "\(setting)=off")
        var clinic = try Installation.empty()
        clinic.database = cluster.url
        try await eventually("PostgreSQL") {
            (try? await AdminConnection.withConnection(url: cluster.url) { _ in true }) == true
        }
        expectComplaint(try await clinic.start().end(), "\(setting) is off")
        try await clinic.serving(["--allow-unsafe-durability"]) { daemon in
            try await daemon.line(with: "acknowledged changes can be lost", on: .errors)
        }
        try await server.stop(SIGINT)
    }

    /// Starts the PostgreSQL of a private cluster that was stopped, with a setting that its daemon would not allow.
    private func server(in directory: String, with setting: String) throws -> Program {
        let data = directory + "/postgresql/data"
        let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
        let version = try #require(versions.max { $0.localizedStandardCompare($1) == .orderedAscending })
        let owner = try attributes(of: data).owner
        let switching =
            geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=\(owner)", "--clear-groups", "--"] : []
        return try Program(
            commandLine: switching + [
                "/usr/lib/postgresql/\(version)/bin/postgres", "-D", data, "-c", setting, "-c",
                "listen_addresses=", "-c", "unix_socket_directories=\(directory)/postgresql/socket",
            ])
    }

    @Test func `plain text across a network is warned of`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--listen", "tcp:0.0.0.0:0", "--listen", "tcp:127.0.0.1:0"]) { daemon in
            try await daemon.line(with: "listening on tcp:127.0.0.1:")
            let warnings = daemon.errors.split(separator: "\n").filter { $0.contains("in plain text") }
            #expect(warnings.count == 1)
            #expect(warnings.first?.contains("tcp:0.0.0.0:") == true, "\(warnings)")
        }
    }
}
