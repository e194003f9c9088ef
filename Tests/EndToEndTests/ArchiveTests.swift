// `clinicd archive-events` beside a daemon: what it moves, what the daemon says afterwards, and what it refuses.

import ClinicMessages
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct ArchiveTests {
    private static let administrator = "admin@example.org"

    /// A clinic with a patient and a payment whose events are all in a partition that is complete.
    private func withHistory(
        _ body: (_ clinic: Installation, _ url: String, _ token: String) async throws -> Void
    ) async throws {
        let clinic = try await Installation.withDatabase()
        let url = try #require(clinic.database)
        #expect(try await clinic.run("seed-demo", ["--weeks", "1"]).status == 0)
        #expect(try await clinic.createAdministrator(Self.administrator).status == 0)
        try await clinic.serving { _ in
            let token = try await clinic.logIn(Self.administrator).token
            let first = try await firstResponse(of: clinic, token).resumeToken
            _ = try await clinic.signUp("ann@example.org")
            // The partition that is written into is the next one now.
            try await ask(url, "select setval('clinic.event_sequence', 10000000)")
            try await eventually("partitions ahead") {
                try await ask(
                    url, "select count(*) from pg_inherits where inhparent = 'clinic.event'::regclass") >= 3
            }
            _ = try await clinic.signUp("bob@example.org")
            try await body(clinic, url, first)
        }
    }

    @discardableResult
    private func ask(_ url: String, _ query: String) async throws -> Int64 {
        try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(query)[0]
            return try row.int64()
        }
    }

    private func firstResponse(
        of clinic: Installation, _ token: String, resumingFrom resumeToken: String = ""
    ) async throws -> WatchBookingsResponse {
        let client = try await Client.connect(to: clinic.socket)
        var responses = client.serverStream(
            BookingServiceMethods.watchBookings,
            WatchBookingsRequest(accessToken: token, resumeToken: resumeToken),
            timeout: .seconds(20)
        ).makeAsyncIterator()
        return try #require(try await responses.next())
    }

    private func archive(
        _ clinic: Installation, before day: String, to file: String
    ) async throws -> Program.Ending {
        // Events are not final while older transactions of other tests run in the cluster.
        var ending: Program.Ending
        repeat {
            ending = try await Program.run(
                "clinicd", ["archive-events"] + clinic.place + ["--before", day, "--to", file])
        } while ending.output.contains("nothing to archive") && day > "2100"
        return ending
    }

    @Test func `a complete partition moves to the file, and the trail begins after it and says so`()
        async throws
    {
        try await withHistory { clinic, url, token in
            let old = try await ask(url, "select count(*) from clinic.event_00000")
            #expect(old > 100)
            let administrator = try await clinic.logIn(Self.administrator).token
            let client = try await Client.connect(to: clinic.socket)
            let metadata: RPC.Metadata = ["authorization": "Bearer \(administrator)"]
            let file = clinic.directory + "/events.jsonl"

            let none = try await archive(clinic, before: "2020-01-01", to: file)
            #expect(none.status == 0 && none.output.contains("nothing to archive"), "\(none)")
            #expect(!FileManager.default.fileExists(atPath: file))
            let moved = try await archive(clinic, before: "2999-01-01", to: file)
            #expect(
                moved.status == 0 && moved.output.contains("moved \(old) events in 1 partitions"), "\(moved)")
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            #expect(Int64(lines.count) == old)
            #expect(lines.allSatisfy { $0.hasPrefix("{") && $0.contains("\"sequence\"") })
            #expect(try await ask(url, "select count(*) from clinic.event where sequence < 10000000") == 0)

            let listed = try await client.call(
                AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(), metadata: metadata)
            #expect(listed.archiveTime != nil)
            #expect(listed.auditEvents.map(\.id).min() ?? 0 >= 10_000_000)
            let check = try await client.call(
                AdminServiceMethods.checkConsistency, CheckConsistencyRequest(), metadata: metadata)
            #expect(check.archiveTime == listed.archiveTime)
            #expect(check.checks.allSatisfy { $0.violations == 0 }, "\(check.checks)")

            let refusal = try await status {
                _ = try await firstResponse(of: clinic, administrator, resumingFrom: token)
            }
            #expect(refusal?.errorInfo?.reason == "INVALID_RESUME_TOKEN")
            let fresh = try await firstResponse(of: clinic, administrator).resumeToken
            _ = try await firstResponse(of: clinic, administrator, resumingFrom: fresh)

            // A booking that lost its event since the archive is still found.
            try await ask(
                url,
                """
                with copy as (
                    insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
                    select doctor_id, user_id, start_time, end_time, occupied, 'CANCELLED', fee, gst
                    from clinic.booking limit 1
                    returning id)
                select id from copy
                """)
            let broken = try await client.call(
                AdminServiceMethods.checkConsistency, CheckConsistencyRequest(), metadata: metadata)
            #expect(broken.checks.first { $0.name == "BOOKING_WITHOUT_EVENT" }?.violations == 1)
        }
    }

    @Test func `an archive that is there is not overwritten`()
        async throws
    {
        try await withHistory { clinic, url, _ in
            let old = try await ask(url, "select count(*) from clinic.event_00000")
            let file = clinic.directory + "/there"
            try "mine".write(toFile: file, atomically: true, encoding: .utf8)
            let refused = try await archive(clinic, before: "2999-01-01", to: file)
            #expect(refused.status == 1 && refused.errors.contains("File exists"), "\(refused)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
            #expect(try await ask(url, "select count(*) from clinic.event_00000") == old)
        }
    }
}
