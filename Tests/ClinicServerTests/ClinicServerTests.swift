// The server as a whole: what it says about itself while its database comes and goes, and how it ends.

import Bcrypt
import ClinicMessages
import ClinicServer
import ClinicService
import ClinicStore
import Monitoring
import PostgreSQL
import RPC
import RPCMessages
import Scheduling
import TTRPC
import TestCleanup
import TestCluster
import TestWaiting
import Testing

@Suite struct ClinicServerTests {
    /// Runs the body with a server on this database, which listens on the address that it returns.
    private func withServer(
        of url: String, _ body: (ClinicServer, Address) async throws -> Void
    ) async throws {
        let database = try await ClinicDatabase.open(
            .url(url), settings: WantedSettings(), logger: TestCluster.logger)
        try await database.closing { database in
            let server = try ClinicServer(
                ClinicServer.Configuration(
                    clinic: ClinicSettings(zone: .utc),
                    signingKeys: SigningKeys(secret: Array("0123456789abcdef0123456789abcdef".utf8)),
                    passwords: BcryptPool(cost: 4)),
                database: database.database, logger: TestCluster.logger)
            try await withCleanup(server.shutdown) {
                let socket = Address.unix(path: try TestCluster.makeDirectory() + "/clinic.sock")
                try await body(server, server.listen(on: socket))
            }
        }
    }

    @Test func `health checks and readiness follow the database`() async throws {
        let url = try await TestCluster.makeDatabase()
        let proxy = try CuttingProxy(to: url)
        defer { proxy.stop() }
        try await withServer(of: proxy.url) { server, address in
            let client = try await Client.connect(to: address)
            func health() async throws -> HealthCheckResponse.ServingStatus? {
                try await client.call(
                    HealthMethods.check, HealthCheckRequest(service: "clinic.v1.BookingService"),
                    timeout: .seconds(120)
                ).status
            }
            #expect(server.page("/readyz")?.isHealthy == true)
            #expect(try await health() == .serving)

            proxy.refusesConnections = true
            try await TestCluster.terminateConnections(of: url)
            try await eventually("not ready") { server.page("/readyz")?.isHealthy == false }
            try await eventually("not serving") { try await health() == .notServing }
            #expect(server.page("/readyz")?.text == "not serving: the database cannot be reached\n")
            #expect(server.page("/healthz")?.isHealthy == true)

            proxy.refusesConnections = false
            try await eventually("ready again") { server.page("/readyz")?.isHealthy == true }
            try await eventually("serving again") { try await health() == .serving }
            await server.shutdown()
            #expect(server.page("/readyz")?.text == "not serving: the daemon is shutting down\n")
        }
    }

    @Test func `a standby that is gone makes changes not ready, reads stay, and both are when it is back`()
        async throws
    {
        let primary = try await TestServer.makePrimary()
        let standby = try await primary.makeStandby(settings: ["cluster_name": "second"])
        try await primary.administer("ALTER SYSTEM SET synchronous_standby_names = 'second'")
        try await primary.stop()
        try await primary.start()
        try await withServer(of: TestServer.url(of: primary)) { server, address in
            let client = try await Client.connect(to: address)
            func health(_ service: String) async throws -> HealthCheckResponse.ServingStatus? {
                try await client.call(
                    HealthMethods.check, HealthCheckRequest(service: service), timeout: .seconds(120)
                ).status
            }
            try await standby.stop()
            #expect(server.page("/readyz")?.isHealthy == true, "nothing waits yet")
            let change = Task {
                try await client.call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: "Ann", lastName: "Lee", phone: "0400000000", email: "ann@example.org",
                        password: "correct horse"), timeout: .seconds(120))
            }
            try await eventually("changes are not ready") { server.page("/readyz")?.isHealthy == false }
            #expect(server.page("/readyz")?.text.contains("a change has waited") == true)
            #expect(server.page("/readyz", query: "x=1&for=reads")?.isHealthy == true)
            try await eventually("health says so") { try await health("clinic.writes") == .notServing }
            #expect(try await health("clinic.reads") == .serving)
            #expect(try await health("") == .notServing)

            try await standby.start(["cluster_name": "second"])
            _ = try await change.value
            try await eventually("ready again") { server.page("/readyz")?.isHealthy == true }
            try await eventually("serving again") { try await health("clinic.writes") == .serving }
            #expect(try await health("") == .serving)
        }
        try await standby.stop()
        try await primary.stop()
    }

    @Test func `the calls of a server are in its metrics`() async throws {
        try await withServer(of: TestCluster.makeDatabase()) { server, address in
            let client = try await Client.connect(to: address)
            for _ in 1...3 { _ = try await client.call(HealthMethods.check, HealthCheckRequest()) }
            let page = try #require(server.page("/metrics")?.text)
            let counted = page.split(separator: "\n").filter {
                $0.hasPrefix("clinic_calls_total{") && $0.contains(#"method="Check""#) && $0.hasSuffix(" 3")
            }
            #expect(counted.count == 1 && counted.first?.contains(#"code="OK""#) == true, "\(page)")
            #expect(server.page("/nothing") == nil)
        }
    }
}
