// Nobody deadlocks: PostgreSQL counts the deadlocks of a race of everything with everything, and there are none.

import ClinicMessages
import ClinicService
import ClinicStore
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import TestRandom
import Testing

@Suite struct DeadlockTests {
    typealias Call = @Sendable () async throws -> Void

    /// Runs the body with a clinic of its own and counts the deadlocks that PostgreSQL saw meanwhile.
    private func deadlocks(in body: (TestClinic) async throws -> Void) async throws -> Int64 {
        let url = try await TestCluster.makeDatabase()
        try await withLongTimeouts(databaseURL: url, body)
        // A backend has reported all that it counted once it has ended, which it has when the clinic has stopped.
        return try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(
                "select deadlocks from pg_stat_database where datname = current_database()")[0]
            return try row.int64()
        }
    }

    /// Starts the calls in their order, all before the first is answered.
    private func start(_ calls: [Call], into counts: inout [String: Int]) async throws {
        for (reason, number) in try await race(calls) { counts[reason, default: 0] += number }
    }

    /// The doctors of two write connections.
    private func twoDoctors(of clinic: TestClinic) async throws -> [Doctor] {
        let administrator = try await clinic.administrator()
        var doctors = [
            try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
        ]
        while doctors[1].id % 2 == doctors[0].id % 2 {
            doctors[1] = try await clinic.doctor(by: administrator)
        }
        return doctors
    }

    @Test func `holds with keys crossed over two doctors never deadlock`() async throws {
        let found = try await deadlocks { clinic in
            let doctors = try await twoDoctors(of: clinic)
            let patients = try await clinic.patients(4)
            var ends: [String: Int] = [:]
            for round in 0..<24 {
                var calls: [Call] = []
                for (number, patient) in patients.enumerated() {
                    for place in 0..<8 {
                        let (there, back) = ("\(round) \(place)", "\(round) \(7 - place)")
                        let hour = (round * 8 + place) % 24
                        let dateTime = try clinic.dateTime(daysAhead: Int64(2 + number), hour: hour)
                        calls.append { try await patient.hold(doctors[0], at: dateTime, key: there) }
                        calls.append { try await patient.hold(doctors[1], at: dateTime, key: back) }
                    }
                }
                try await start(calls, into: &ends)
            }
            // Two holds for each patient; what else came had a key of those, or was one too many.
            #expect(ends["OK"] ?? 0 >= 8)
            #expect(Set(ends.keys).isSubset(of: ["OK", "TOO_MANY_HOLDS", "KEY_REUSED", "PATIENT_BUSY"]))
        }
        #expect(found == 0)
    }

    @Test func `changes of the same bookings in crossed orders never deadlock`() async throws {
        let found = try await deadlocks { clinic in
            let doctors = try await twoDoctors(of: clinic)
            let patient = try await clinic.signUp()
            // Each administrator's changes go over the connection of his or her own number.
            var administrators = [try await clinic.administrator(), try await clinic.administrator()]
            while administrators[1].userID % 2 == administrators[0].userID % 2 {
                administrators[1] = try await clinic.administrator()
            }
            var ends: [String: Int] = [:]
            for round in 0..<16 {
                var bookings: [Booking] = []
                for place in 0..<12 {
                    let dateTime = try clinic.dateTime(daysAhead: Int64(2 + round), hour: 8 + place)
                    bookings.append(try await patient.book(doctors[place % 2], at: dateTime))
                }
                var calls: [Call] = []
                for (there, back) in zip(bookings, bookings.reversed()) {
                    let payer = administrators[there.id % 2 == 0 ? 0 : 1]
                    calls.append { _ = try await payer.pay(there) }
                    calls.append { [administrators] in try await administrators[0].cancel(there) }
                    calls.append { [administrators] in try await administrators[1].cancel(back) }
                }
                try await start(calls, into: &ends)
            }
            #expect(ends["OK"] ?? 0 >= 24 * 16)
            #expect(Set(ends.keys).isSubset(of: ["OK", "NOT_PAYABLE"]))
        }
        #expect(found == 0)
    }

    @Test func `a race of all mutations with each other on two servers never deadlocks`() async throws {
        let found = try await deadlocks { clinic in
            try await withLongTimeouts(databaseURL: clinic.databaseURL) { second in
                let administrator = try await clinic.administrator()
                let doctors = try await twoDoctors(of: clinic)
                let patients = try await clinic.patients(6)
                let sessions = try await patients + second.admit(patients)
                var generator = SeededGenerator(printing: "mutations that race")
                var ends: [String: Int] = [:]
                for round in 0..<16 {
                    let booked = try await administrator.call(
                        BookingServiceMethods.listBookings, ListBookingsRequest(pageSize: 40)
                    ).bookings
                    var calls: [Call] = []
                    for number in 0..<64 {
                        let session = sessions[Int.random(in: 0..<sessions.count, using: &generator)]
                        let doctor = doctors[Int.random(in: 0..<2, using: &generator)]
                        let dateTime = try clinic.dateTime(hour: 8 + Int.random(in: 0..<6, using: &generator))
                        let key = "\(round) \(Int.random(in: 0..<8, using: &generator))"
                        let booking =
                            booked.isEmpty ? nil : booked[Int.random(in: 0..<booked.count, using: &generator)]
                        switch (number % 8, booking) {
                        case (0, _):
                            calls.append { _ = try await session.book(doctor, at: dateTime, key: key) }
                        case (1, _): calls.append { try await session.hold(doctor, at: dateTime, key: key) }
                        case (2, let booking?):
                            calls.append { try await session.reschedule(booking, to: dateTime) }
                        case (3, let booking?): calls.append { try await session.confirm(booking) }
                        case (4, let booking?): calls.append { _ = try await session.pay(booking) }
                        case (5, let booking?): calls.append { try await administrator.cancel(booking) }
                        case (6, _):
                            calls.append {
                                try await session.call(
                                    UserServiceMethods.updateUser,
                                    UpdateUserRequest(user: User(firstName: key)), key: key)
                            }
                        default: calls.append { _ = try await session.book(doctor, at: dateTime) }
                        }
                    }
                    try await start(calls, into: &ends)
                    // Holds run out while they race.
                    try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                        try connection.execute(
                            """
                            update clinic.booking set hold_expires_at = now() - interval '1 second'
                            where status = 'HELD' and id % 2 = 0
                            """)
                    }
                }
                #expect(ends["OK"] ?? 0 > 100)
                for reason in ["INTERNAL", "OUTCOME_UNKNOWN", "DATABASE_UNAVAILABLE"] {
                    #expect(ends[reason] == nil)
                }
            }
        }
        #expect(found == 0)
    }
}
