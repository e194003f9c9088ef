// Many watchers of one history share its reads, and one user has a bounded number of them.

import ClinicMessages
import PostgreSQL
import RPC
import RPCMessages
import TestWaiting
import Testing

@testable import ClinicService

@Suite struct WatchSharingTests {
    /// Watches of one user over as many connections as they need.
    private func watches(_ count: Int, of session: Session, in clinic: TestClinic) async throws -> [Watch] {
        var watches: [Watch] = []
        while watches.count < count {
            let own = Session(
                client: try await clinic.connect().client, token: session.token, userID: session.userID)
            for _ in 0..<min(100, count - watches.count) { watches.append(try await Watch(of: own)) }
        }
        return watches
    }

    @Test func `two hundred watchers of a long history cost the reads of one`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let doctor = try await clinic.doctor(by: administrator)
            let booking = try await patient.book(doctor, at: try clinic.dateTime(hour: 9))
            _ = try await clinic.database.write(
                Statement(
                    """
                    insert into clinic.event (user_id, doctor_id, method, entity, entity_id, change)
                    select user_id, doctor_id, 'm', 'booking', id, '{"from": "BOOKED"}'
                    from clinic.booking, generate_series(1, 20000) where id = $1
                    """), [.int64(booking.id)])
            // Not before they are final: each watcher would get all of them.
            try await eventually("the history is final") {
                let rows = try await clinic.database.read(
                    Statement(
                        "select count(*) from clinic.event where transaction_number >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
                    ))
                var row = rows[0]
                return try row.int64() == 0
            }
            let own = try await watches(200, of: patient, in: clinic)
            let ofStaff = try await Watch(of: administrator)
            _ = try await patient.pay(booking)
            for watch in own + [ofStaff] {
                #expect(try await watch.next().brief == "\(booking.id) PAYMENT_CHANGED")
            }

            let before = clinic.database.statistics.reads.statements
            let hours = [10, 11, 12, 13, 14]
            var expected: [String] = []
            for hour in hours {
                let booked = try await patient.book(doctor, at: try clinic.dateTime(hour: hour))
                expected.append("\(booked.id) CREATED")
            }
            for watch in own + [ofStaff] {
                #expect(try await watch.next(hours.count).map(\.brief) == expected)
            }
            // Each watcher reading for itself would take one for each of its events, in any case one for all of them.
            let statements = clinic.database.statistics.reads.statements - before
            #expect(statements < UInt64(own.count))
        }
    }

    @Test func `a user's watches are counted, and one that ended makes room`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            var all = try await watches(WatchFanOut.watchersPerUser, of: patient, in: clinic)
            let refusal = try await status { _ = try await Watch(of: patient) }
            #expect(refusal?.errorInfo?.reason == "TOO_MANY_WATCHES")
            // Others are not concerned.
            _ = try await Watch(of: try await clinic.signUp())
            all.removeLast(100)
            try await eventually("room for another watch") {
                try await status { _ = try await Watch(of: patient) } == nil
            }
            withExtendedLifetime(all) {}
        }
    }
}
