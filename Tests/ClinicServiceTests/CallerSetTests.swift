// Bookings and payments that PostgreSQL does for a set of callers at once: each hears what it would have heard alone.

import ClinicMessages
import ClinicService
import ClinicStore
import PostgreSQL
import RPC
import Scheduling
import TTRPCMessages
import TestCluster
import TestWaiting
import Testing

struct CallerSetTests {
    /// How a call of a set ended: with whose booking, or why not.
    private enum Outcome: Equatable {
        case done(Int64)
        case refused(String)
    }

    /// Makes the calls while nothing can be written, so that they are written as one set.
    ///
    /// - Parameter meanwhile: what happens after they were decided on and before they are written.
    private func outcomes(
        in clinic: TestClinic, _ calls: [@Sendable () async throws -> Int64],
        meanwhile: () async throws -> Void = {}
    ) async throws -> [Outcome] {
        var configuration = DatabaseConfiguration(url: clinic.databaseURL)
        configuration.readConnections = 1
        configuration.writeConnections = 1
        let holder = Database(configuration: configuration, logger: TestCluster.logger)
        try await holder.start()
        let key = Int64.random(in: 1...Int64.max)
        _ = try await holder.write(Statement("select pg_advisory_lock($1)"), [.int64(key)])
        async let blocked = clinic.database.write(
            Statement("select pg_advisory_xact_lock($1)"), [.int64(key)])
        let callers = calls.map { call in
            Task { () async throws -> Outcome in
                do {
                    return .done(try await call())
                } catch let status as Status {
                    return .refused(status.errorInfo?.reason ?? "\(status.code)")
                }
            }
        }
        try await eventually("all waiting") { clinic.database.statistics.writes.waiting == calls.count }
        try await meanwhile()
        _ = try await holder.write(Statement("select pg_advisory_unlock($1)"), [.int64(key)])
        _ = try await blocked
        await holder.close()
        var outcomes: [Outcome] = []
        for caller in callers { outcomes.append(try await caller.value) }
        return outcomes
    }

    @Test func `bookings of a set are made, refused and repeated as they would be alone`() async throws {
        let clinic = try await TestClinic(writeConnections: 1)
        let administrator = try await clinic.administrator()
        let (first, second) = (
            try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
        )
        let patients = [
            try await clinic.signUp(), try await clinic.signUp(), try await clinic.signUp(),
            try await clinic.signUp(),
        ]
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
                book(patients[0], first, taken), book(patients[1], second, ten, "key"),
            ])
        // Of rivals either may win.
        #expect(outcomes[0...1].filter { $0 == .refused("SLOT_TAKEN") }.count == 1)
        let keyed = outcomes[2...4].filter { $0 != .refused("KEY_REUSED") }
        #expect(Set(keyed.map { "\($0)" }).count == 1)
        #expect(keyed.count == (outcomes[4] == .refused("KEY_REUSED") ? 2 : 1))
        #expect(outcomes[7] == .refused("SLOT_TAKEN"))
        let live = "select count(*) from clinic.booking where status = 'BOOKED'"
        let events = "select count(*) from clinic.event where entity = 'booking' and change ? 'start_time'"
        #expect(try await clinic.count(live) == clinic.count(events))
        #expect(
            try await clinic.count("select count(*) from clinic.idempotency_key where key = 'key'")
                == (keyed.isEmpty ? 0 : 1) + (outcomes[8] == .refused("PATIENT_BUSY") ? 0 : 1))
        // A booking of the past hour's key is answered again, by itself.
        if case .done(let id) = keyed.first {
            let time = outcomes[4] == .refused("KEY_REUSED") ? eleven : twelve
            #expect(try await patients[2].book(first, at: time, key: "key").id == id)
        }
        await clinic.stop()
    }

    @Test func `a patient who asks for one slot several times at once has it once`() async throws {
        let clinic = try await TestClinic(writeConnections: 1)
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
        #expect(outcomes.filter { $0 == .refused("SLOT_TAKEN") }.count == 3)
        #expect(try await clinic.count("select count(*) from clinic.event where entity = 'booking'") == 1)
        #expect(
            try await clinic.count("select count(*) from clinic.idempotency_key where key in ('2', '3')")
                <= 1)
        await clinic.stop()
    }

    @Test func `a set of bookings stands though the terms of one of them have changed`() async throws {
        let clinic = try await TestClinic(writeConnections: 1)
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
        #expect(
            outcomes.allSatisfy {
                if case .done = $0 { true } else { false }
            })
        #expect(
            try await clinic.count(
                "select fee from clinic.booking where doctor_id = $1", [.int64(changed.id)]) == 1)
        await clinic.stop()
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
            do { answer = .success(try await read.answer()) } catch { answer = .failure(error) }
            alone.append(try text(answer))
        }
        let before = clinic.database.statistics.reads
        let (answers, continuation) = AsyncThrowingStream.makeStream(of: (number: Int, text: String).self)
        let batch = StoreBatch()
        for (number, read) in reads.enumerated() {
            _ = read.start(in: batch) { answer, _ in
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
        let clinic = try await TestClinic()
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
                PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: payment.id))
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
        #expect(answers.alone[2] == answers.alone[5])
        await clinic.stop()
    }

    @Test func `the pages of many patients are read together as they are alone`() async throws {
        let clinic = try await TestClinic()
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
        let first = try #require(try await bookings.list(after: nil, limit: 1).answer().first)
        let cursor = (start: first.start, id: first.id)
        try await compare(
            ids.map { id in bookings.list(userID: id, after: nil, limit: 51) })
        try await compare(
            ids.map { id in
                bookings.list(userID: id, status: .confirmed, after: cursor, limit: 51)
            })
        try await compare(
            ids.map { id in
                payments.list(userID: id, bookingID: nil, status: nil, after: nil, limit: 51)
            })
        await clinic.stop()
    }

    @Test func `calendars are read together as they are alone`() async throws {
        let clinic = try await TestClinic()
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
        await clinic.stop()
    }

    @Test func `payments of a set are made, refused and repeated as they would be alone`() async throws {
        let clinic = try await TestClinic(writeConnections: 1)
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
                pay(patient, 0), pay(patient, 1), pay(stranger, 2), pay(patient, 3), pay(administrator, 3),
                pay(patient, 4, "key"), pay(patient, 4, "key"), pay(patient, 5, "other key"),
            ])
        #expect(outcomes[0] == .refused("ALREADY_PAID"))
        #expect(outcomes[1] == .refused("NOT_PAYABLE"))
        #expect(outcomes[2] == .refused("BOOKING_NOT_FOUND"))
        #expect(outcomes[3...4].filter { $0 == .refused("ALREADY_PAID") }.count == 1)
        #expect(outcomes[5] == outcomes[6])
        for booking in [0, 3, 4, 5] {
            #expect(
                try await patient.call(
                    BookingServiceMethods.getBooking, GetBookingRequest(bookingID: bookings[booking].id)
                ).payments == [.paid])
        }
        #expect(try await clinic.count("select count(*) from clinic.transaction") == 4)
        #expect(try await clinic.count("select count(*) from clinic.ledger_entry") == 12)
        #expect(
            try await clinic.count("select coalesce(sum(amount), 0)::bigint from clinic.ledger_entry") == 0)
        #expect(
            try await clinic.count("select count(*) from clinic.event where entity = 'transaction'") == 4)
        await clinic.stop()
    }
}
