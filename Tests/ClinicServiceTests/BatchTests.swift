// Bookings and payments that PostgreSQL makes as one batch for several callers: each hears what it would have heard alone.

import ClinicMessages
import ClinicService
import ClinicStore
import PostgreSQL
import RPC
import RPCMessages
import Scheduling
import Synchronization
import TestCluster
import TestWaiting
import Testing

struct BatchTests {
    /// How a call of a batch ended: with whose booking or payment, or why not.
    private enum Outcome: Hashable {
        case done(Int64)
        case refused(String)
    }

    /// Makes the calls while the only write connection waits for a lock, so that they are written as one batch, in their
    /// order.
    ///
    /// - Parameter meanwhile: what happens after they were decided on and before they are written.
    private func outcomes(
        in clinic: TestClinic, _ calls: [@Sendable () async throws -> Int64],
        meanwhile: () async throws -> Void = {}
    ) async throws -> [Outcome] {
        let outcomes = Mutex([Outcome?](repeating: nil, count: calls.count))
        let before = clinic.database.statistics.writes
        let blocked: @Sendable () async throws -> Void = {
            _ = try await clinic.database.write(Statement("select pg_advisory_xact_lock(1)"))
        }
        let contenders = calls.enumerated().map { index, call in
            Contenders(backends: 1) {
                let outcome: Outcome
                do {
                    outcome = .done(try await call())
                } catch let status as Status {
                    outcome = .refused(status.errorInfo?.reason ?? "\(status.code)")
                }
                outcomes.withLock { $0[index] = outcome }
            }
        }
        _ = try await race(
            behind: "select pg_advisory_xact_lock(1)", in: [clinic],
            [Contenders(backends: 1, blocked)] + contenders, meanwhile: meanwhile)
        // The lock's own and the batch, which what was decided on old terms follows.
        #expect(clinic.database.statistics.writes.batches - before.batches >= 2)
        return try outcomes.withLock { try $0.map { try #require($0) } }
    }

    @Test func `bookings of a batch are made, refused and repeated as they would be alone`() async throws {
        try await withLongTimeouts(writeConnections: 1) { clinic in
            let administrator = try await clinic.administrator()
            let (first, second) = (
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
            )
            let patients = try await clinic.patients(5)
            let taken = try clinic.dateTime(hour: 9)
            _ = try await administrator.book(first, at: taken)
            let (ten, eleven, twelve) = (
                try clinic.dateTime(hour: 10), try clinic.dateTime(hour: 11), try clinic.dateTime(hour: 12)
            )

            func book(_ patient: Session, _ doctor: Doctor, _ time: String, _ key: String? = nil)
                -> @Sendable () async throws -> Int64
            {
                { try await patient.book(doctor, at: time, key: key).id }
            }
            let outcomes = try await outcomes(
                in: clinic,
                [
                    book(patients[0], first, ten), book(patients[1], first, ten),
                    book(patients[2], first, eleven, "key"), book(patients[2], first, eleven, "key"),
                    book(patients[2], first, twelve, "key"),
                    book(patients[3], first, twelve), book(patients[3], second, twelve),
                    book(patients[0], first, taken), book(patients[4], second, ten, "key"),
                ])
            let booked = try await bookings(in: clinic)
            // Of rivals either may win.
            #expect(Set(outcomes[0...1]) == [.done(booked["1 10"] ?? 0), .refused("SLOT_TAKEN")])
            let repeated = booked["1 11"] ?? 0
            #expect(outcomes[2...4] == [.done(repeated), .done(repeated), .refused("KEY_REUSED")])
            let twelveHere = booked["1 12"].map { Outcome.done($0) } ?? .refused("PATIENT_BUSY")
            let twelveThere = booked["2 12"].map { Outcome.done($0) } ?? .refused("PATIENT_BUSY")
            #expect(outcomes[5...6] == [twelveHere, twelveThere])
            #expect(outcomes[7] == .refused("SLOT_TAKEN"))
            #expect(outcomes[8] == .done(booked["2 10"] ?? 0))
            // One of the patient's two at twelve.
            #expect(booked.count == 5)
            let events =
                "select count(*) from clinic.event where entity = 'booking' and change ? 'start_time'"
            #expect(try await clinic.count(events) == 5)
            #expect(
                try await clinic.count("select count(*) from clinic.idempotency_key where key = 'key'") == 2)
            #expect(try await patients[2].book(first, at: eleven, key: "key").id == repeated)
        }
    }

    /// The numbers of the live bookings by "doctor hour", of which the first doctor is 1.
    private func bookings(in clinic: TestClinic) async throws -> [String: Int64] {
        let rows = try await clinic.database.read(
            Statement(
                """
                select dense_rank() over (order by doctor_id), extract(hour from start_time at time zone $1)::bigint, id
                from clinic.booking where status = 'BOOKED'
                """), [.text("Australia/Sydney")])
        return try rows.reduce(into: [:]) { numbers, row in
            var row = row
            let (doctor, hour) = (try row.int64(), try row.int64())
            numbers["\(doctor) \(hour)"] = try row.int64()
        }
    }

    @Test func `a patient who asks for one slot several times at once has it once`() async throws {
        try await withLongTimeouts(writeConnections: 1) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            let time = try clinic.dateTime()
            let outcomes = try await outcomes(
                in: clinic,
                (0..<4).map { number in
                    { @Sendable in
                        try await patient.book(doctor, at: time, key: number < 2 ? nil : "\(number)").id
                    }
                })
            let booking = try await clinic.count("select id from clinic.booking where status = 'BOOKED'")
            #expect(outcomes == [.done(booking)] + Array(repeating: .refused("SLOT_TAKEN"), count: 3))
            #expect(try await clinic.count("select count(*) from clinic.event where entity = 'booking'") == 1)
            #expect(
                try await clinic.count("select count(*) from clinic.idempotency_key where key in ('2', '3')")
                    == 0
            )
        }
    }

    @Test func `a batch of bookings stands though the terms of one of them have changed`() async throws {
        try await withLongTimeouts(writeConnections: 1) { clinic in
            let administrator = try await clinic.administrator()
            let (changed, same) = (
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
            )
            let times = try (9..<15).map { try clinic.dateTime(hour: $0) }
            let patients = [try await clinic.signUp(), try await clinic.signUp()]
            let outcomes = try await outcomes(
                in: clinic,
                times.map { time in { @Sendable in try await patients[0].book(same, at: time).id } }
                    + [{ @Sendable in try await patients[1].book(changed, at: times[0]).id }]
            ) {
                try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                    _ = try connection.query(
                        "update clinic.doctor set fee = 1, version = version + 1 where id = $1",
                        [.int64(changed.id)])
                }
            }
            let booked = try await bookings(in: clinic)
            #expect(outcomes == (9..<15).map { .done(booked["2 \($0)"] ?? 0) } + [.done(booked["1 9"] ?? 0)])
            #expect(
                try await clinic.count(
                    "select fee from clinic.booking where doctor_id = $1", [.int64(changed.id)]) == 1)
        }
    }

    /// What each read answers, or why it does not: asked for one after the other, and then all as one batch.
    private func answers<Answer: Sendable>(
        in clinic: TestClinic, _ reads: [Query<Answer>]
    ) async throws -> (alone: [String], together: [String]) {
        @Sendable func text(_ answer: Result<Answer, any Error>) throws -> String {
            do { return "\(try answer.get())" } catch let refusal as Refusal { return "\(refusal)" }
        }
        var alone: [String] = []
        for read in reads {
            let answer: Result<Answer, any Error>
            do { answer = .success(try await read.answer(for: nil)) } catch { answer = .failure(error) }
            alone.append(try text(answer))
        }
        let before = clinic.database.statistics.reads
        let (answers, continuation) = AsyncThrowingStream.makeStream(of: (number: Int, text: String).self)
        let batch = StoreBatch()
        for (number, read) in reads.enumerated() {
            _ = read.start(fairnessKey: nil, in: batch) { answer, _ in
                do {
                    continuation.yield((number, try text(Result(catching: answer))))
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
        batch.flush()
        var together = [String](repeating: "", count: reads.count)
        for try await (number, text) in answers.prefix(reads.count) { together[number] = text }
        let after = clinic.database.statistics.reads
        #expect(after.batches - before.batches == 1)
        #expect(after.statements - before.statements == reads.count)
        return (alone, together)
    }

    @Test func `bookings are read together with their payments as they are alone`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let (patient, stranger) = (try await clinic.signUp(), try await clinic.signUp())
            var bookings: [Booking] = []
            for hour in 9..<12 {
                bookings.append(try await patient.book(doctor, at: clinic.dateTime(hour: hour)))
            }
            // One is paid, given back and paid again, one is paid, one is not.
            for booking in [bookings[0], bookings[0], bookings[1]] {
                let payment = try await patient.pay(booking)
                guard booking.id == bookings[0].id else { continue }
                try await administrator.call(
                    PaymentServiceMethods.deleteTransaction,
                    DeleteTransactionRequest(transactionID: payment.id))
            }
            let store = BookingStore(database: clinic.database)
            let asked: [(booking: Int64, owner: Int64?)] = [
                (bookings[1].id, patient.userID), (bookings[0].id, nil), (bookings[1].id, stranger.userID),
                (bookings[2].id, patient.userID), (bookings[1].id, nil), (999_999, nil),
            ]
            let answers = try await answers(
                in: clinic,
                asked.map { asked in
                    store.get(asked.booking, ownerID: asked.owner)
                })
            #expect(answers.together == answers.alone)
            #expect(answers.alone[0].contains("paid"))
            // A stranger's is answered as one that is not there, but for the number that was asked for.
            let asAbsent = answers.alone[2].replacing("\"\(bookings[1].id)\"", with: "\"999999\"")
            #expect(asAbsent == answers.alone[5])
        }
    }

    @Test func `the pages of many patients are read together as they are alone`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = [try await clinic.signUp(), try await clinic.signUp(), try await clinic.signUp()]
            for hour in 9..<15 {
                // The last has none.
                let booking = try await patients[hour % 2].book(doctor, at: clinic.dateTime(hour: hour))
                if hour < 12 { _ = try await patients[hour % 2].pay(booking) }
            }
            let (bookings, payments) = (
                BookingStore(database: clinic.database), TransactionStore(database: clinic.database)
            )
            func compare<Item: Sendable>(_ reads: [Query<[Item]>]) async throws {
                let answers = try await answers(in: clinic, reads)
                #expect(answers.together == answers.alone)
                #expect(answers.alone[0] != answers.alone[1] && answers.alone[2] == "[]")
            }
            let ids = patients.map(\.userID)
            let first = try #require(try await bookings.list(after: nil, limit: 1).answer(for: nil).first)
            let cursor = (start: first.start, id: first.id)
            try await compare(
                ids.map { id in bookings.list(userID: id, after: nil, limit: 51) })
            try await compare(
                ids.map { id in
                    bookings.list(userID: id, statuses: [.confirmed], after: cursor, limit: 51)
                })
            try await compare(
                ids.map { id in
                    payments.list(userID: id, bookingID: nil, statuses: [], after: nil, limit: 51)
                })
            try await compare(
                ids.map { id in
                    payments.list(
                        userID: id, bookingID: nil, statuses: [.paid, .voided], after: nil, limit: 51)
                })
        }
    }

    @Test func `calendars are read together as they are alone`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let (busy, away) = (
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
            )
            let patient = try await clinic.signUp()
            for hour in 9..<12 { _ = try await patient.book(busy, at: clinic.dateTime(hour: hour)) }
            let booking = try await patient.book(away, at: clinic.dateTime(hour: 14))
            let start = try #require(booking.startTime)
            try await administrator.call(
                DoctorServiceMethods.createTimeOff,
                CreateTimeOffRequest(
                    doctorID: away.id, startTime: start,
                    endTime: ProtobufTimestamp(seconds: start.seconds + 86_400)))
            let store = SlotStore(database: clinic.database)
            let now = Instant.now
            let week = now..<(try #require(Instant(secondsSinceEpoch: now.secondsSinceEpoch + 20 * 86_400)))
            let past = try #require(Instant(secondsSinceEpoch: now.secondsSinceEpoch - 86_400))..<now
            let asked = [(away.id, week), (busy.id, past), (busy.id, week), (999_999, week), (busy.id, week)]
            let answers = try await answers(
                in: clinic,
                asked.map { doctor, period in
                    store.calendar(doctorID: doctor, over: period)
                })
            #expect(answers.together == answers.alone)
            #expect(answers.alone[1] != answers.alone[2])
        }
    }

    @Test func `payments of a batch are made, refused and repeated as they would be alone`() async throws {
        try await withLongTimeouts(writeConnections: 1) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let (patient, stranger) = (try await clinic.signUp(), try await clinic.signUp())
            var bookings: [Booking] = []
            for hour in 9..<15 {
                bookings.append(try await patient.book(doctor, at: clinic.dateTime(hour: hour)))
            }
            _ = try await patient.pay(bookings[0])
            _ = try await patient.call(
                BookingServiceMethods.updateBookingStatus,
                UpdateBookingStatusRequest(bookingID: bookings[1].id, status: .cancelled))

            func pay(_ session: Session, _ number: Int, _ key: String? = nil)
                -> @Sendable () async throws -> Int64
            {
                let id = bookings[number].id
                return {
                    try await session.call(
                        PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: id), key: key
                    ).id
                }
            }
            let outcomes = try await outcomes(
                in: clinic,
                [
                    pay(patient, 0), pay(patient, 1), pay(stranger, 2), pay(patient, 3),
                    pay(administrator, 3),
                    pay(patient, 4, "key"), pay(patient, 4, "key"), pay(patient, 5, "other key"),
                ])
            let rows = try await clinic.database.read(
                Statement("select id from clinic.transaction order by booking_id"))
            let paid = try rows.map { row in
                var row = row
                return try row.int64()
            }
            // Of the bookings 0, 3, 4 and 5.
            try #require(paid.count == 4)
            #expect(
                outcomes == [
                    .refused("ALREADY_PAID"), .refused("NOT_PAYABLE"), .refused("BOOKING_NOT_FOUND"),
                    // Callers take turns, so the administrator's comes before the patient's fourth.
                    .refused("ALREADY_PAID"), .done(paid[1]), .done(paid[2]), .done(paid[2]), .done(paid[3]),
                ])
            for booking in [0, 3, 4, 5] {
                #expect(
                    try await patient.call(
                        BookingServiceMethods.getBooking, GetBookingRequest(bookingID: bookings[booking].id)
                    ).payments == [.paid])
            }
            #expect(try await clinic.count("select count(*) from clinic.ledger_entry") == 12)
            #expect(
                try await clinic.count("select coalesce(sum(amount), 0)::bigint from clinic.ledger_entry")
                    == 0)
            #expect(
                try await clinic.count("select count(*) from clinic.event where entity = 'transaction'") == 4)
        }
    }
}
