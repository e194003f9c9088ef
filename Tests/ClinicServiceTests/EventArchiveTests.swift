// An archive whose file does not keep what it was given.

import ClinicStore
import PostgreSQL
import Scheduling
import Testing

@Suite struct EventArchiveTests {
    @Test func `a file that differs from the database drops nothing`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            _ = try await clinic.database.write(
                Statement(
                    """
                    insert into clinic.event (user_id, method, entity, entity_id, change)
                    select $1, 'm', 'user', $1, '{}' from generate_series(1, 100)
                    """), [.int64(patient.userID)])
            try await clinic.runAsOwner("select setval('clinic.event_sequence', 10000000)")
            func count() async throws -> Int64 {
                try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                    var row = try connection.query("select count(*) from clinic.event_00000")[0]
                    return try row.int64()
                }
            }
            let end = try #require(Instant(secondsSinceEpoch: 32_472_144_000))
            let before = try await count()
            let url = clinic.databaseURL
            for fault in LossyFile.Fault.allCases {
                await #expect(throws: EventArchiveFailure.self, "\(fault)") {
                    // Events are not final while older transactions of other tests run.
                    var archived = try await EventArchive.takeOut(of: url, before: end) { LossyFile(fault) }
                    while archived.partitions == 0 {
                        archived = try await EventArchive.takeOut(of: url, before: end) { LossyFile(fault) }
                    }
                }
                #expect(try await count() == before)
            }
        }
    }

    /// A file that does not keep what it was given.
    private final class LossyFile: EventArchiveFile {
        enum Fault: CaseIterable { case loses, repeats, changes }

        private let fault: Fault
        private var lines: [String] = []

        init(_ fault: Fault) { self.fault = fault }

        func append(_ lines: [String]) { self.lines += lines }

        func synchronize() {
            switch fault {
            case .loses: lines.remove(at: 50)
            case .repeats: lines[50] = lines[51]
            case .changes: lines[50] = lines[50].replacing("\"method\": \"", with: "\"method\": \"x")
            }
        }

        func read(atMost count: Int, _ body: ([String]) throws -> Void) throws {
            for start in stride(from: 0, to: lines.count, by: count) {
                try body(Array(lines[start..<min(start + count, lines.count)]))
            }
        }
    }
}
