// The database does nothing: it is stopped, or somebody holds a lock. Callers are answered at their deadlines, what they
// asked for does not go on without them, and health says so when it is the whole database.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct DeadlineTests {
    /// A busy machine's share of a measured time, less than what would end a statement by itself (3 s); figures are the
    /// bench's business.
    private static let margin = Duration.seconds(2)

    @Test func `a stopped PostgreSQL is answered for, reported, and used again when it goes on`() async throws
    {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving { _ in
            _ = try await clinic.signUp("ann@example.org")
            #expect(try await health(of: clinic) == .serving)
            let server = TestCluster.hang(try #require(clinic.postmaster))
            defer { server.resume() }

            for limit in [Duration.milliseconds(50), .milliseconds(400)] {
                let (code, time) = try await outcome { try await listDoctors(of: clinic, within: limit) }
                #expect(code == .deadlineExceeded)
                #expect(time < limit + Self.margin)
            }
            try await eventually("a change of health", within: .seconds(20)) {
                try await health(of: clinic) == .notServing
            }
            let (code, time) = try await outcome { try await listDoctors(of: clinic, within: .seconds(10)) }
            #expect(code == .unavailable)
            #expect(time < .seconds(1) + Self.margin)

            server.resume()
            try await eventually("health", within: .seconds(20)) { try await health(of: clinic) == .serving }
            _ = try await clinic.logIn("ann@example.org")
        }
    }

    @Test func `what waits for a lock ends with its caller`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { _ in
            let url = try #require(clinic.database)
            let holder = Task {
                // Ended by whoever started it.
                try? await AdminConnection.withConnection(url: url) { connection in
                    try connection.execute(
                        "BEGIN; LOCK TABLE clinic.doctor, clinic.user_account; SELECT pg_sleep(60)")
                }
            }
            try await eventually("the lock") {
                try await count("query LIKE 'BEGIN; LOCK%' AND wait_event = 'PgSleep'", url) == 1
            }
            let limit = Duration.milliseconds(200)
            let (read, reading) = try await outcome { try await listDoctors(of: clinic, within: limit) }
            #expect(read == .deadlineExceeded)
            #expect(reading < limit + Self.margin)
            let (write, writing) = try await outcome {
                _ = try await clinic.client(within: limit).call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: "Pat", lastName: "Ient", phone: "0400000000", email: "ben@example.org",
                        password: Installation.password))
            }
            #expect(write == .deadlineExceeded)
            #expect(writing < limit + Self.margin)
            // Nobody says goodbye, and there is no deadline for half a minute.
            let gone = clinic.client()
            let call = Task { try await gone.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest()) }
            try await eventually("the statement") { try await count(Self.waiting, url) > 0 }
            await gone.close()
            _ = await call.result
            try await eventually("the end of what waits", within: .seconds(2)) {
                try await count(Self.waiting, url) == 0
            }

            #expect(
                try await count(
                    "CASE WHEN datname = $1 AND query LIKE 'BEGIN; LOCK%' THEN pg_terminate_backend(pid) END",
                    url
                )
                    == 1)
            await holder.value
            // Neither made nor left in anybody's way.
            _ = try await clinic.signUp("ben@example.org")
        }
    }

    // MARK: -

    /// What a caller's statement does; that with which the daemon reads what it keeps in memory waits on its own account.
    private static let waiting =
        "wait_event_type = 'Lock' AND query NOT LIKE 'select department.deleted_at is null%'"

    /// How many sessions of a database are like this.
    private func count(_ condition: String, _ url: String) async throws -> Int64 {
        var row = try await TestCluster.administer(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND \(condition)",
            [.text(TestCluster.databaseName(of: url))])[0]
        return try row.int64()
    }

    private func health(of clinic: Installation) async throws -> HealthCheckResponse.ServingStatus {
        try await clinic.client().call(HealthMethods.check, HealthCheckRequest()).status
    }

    private func listDoctors(of clinic: Installation, within limit: Duration) async throws {
        _ = try await clinic.client(within: limit).call(
            DoctorServiceMethods.listDoctors, ListDoctorsRequest())
    }

    private func outcome(_ call: () async throws -> Void) async throws -> (StatusCode?, Duration) {
        let start = ContinuousClock.now
        let code = try await status(of: call)?.code
        return (code, ContinuousClock.now - start)
    }
}
