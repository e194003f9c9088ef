// The line to PostgreSQL breaks at every place of a payment: while it is asked for, between its commit and the answer,
// and in the middle of that. Whoever brought a key hears what became of it and is charged once.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestCluster
import TestRandom
import TestWaiting
import Testing

@Suite struct UnknownOutcomeTests {
    /// A clinic whose line to PostgreSQL can be cut, and another line that never is.
    private struct Scene: Sendable {
        let proxy: CuttingProxy
        let clinic: TestClinic
        let url: String
        let administrator: Session
        let doctor: Doctor

        init() async throws {
            url = try await TestCluster.makeDatabase()
            proxy = try CuttingProxy(to: url)
            // There is no other line that what was cut off could take.
            clinic = try await TestClinic(
                databaseURL: proxy.url, statementTimeout: .seconds(120), lockTimeout: .seconds(100),
                writeConnections: 1)
            administrator = try await clinic.administrator()
            doctor = try await clinic.doctor(by: administrator)
        }

        func stop() async {
            await clinic.stop()
            proxy.stop()
        }

        /// A booking of its own for each number.
        func booking(_ number: Int) async throws -> Booking {
            try await administrator.book(
                doctor,
                at: clinic.dateTime(
                    daysAhead: Int64(2 + number / 48), hour: number % 48 / 2, minute: 30 * (number % 2)))
        }

        func pay(_ booking: Booking, key: String?) async throws -> Transaction {
            try await administrator.call(
                PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id), key: key)
        }

        /// What a query answers on the other line.
        func number(_ sql: String) async throws -> Int64 {
            try await AdminConnection.withConnection(url: url) { connection in
                var row = try connection.query(sql)[0]
                return try row.int64()
            }
        }

        /// What there is of a booking's payments, seen on the other line: transactions, ledger entries and events.
        func traces(of booking: Booking) async throws -> [Int64] {
            // One statement: what is under way may be committed while this looks.
            let counts = """
                select (select count(*) from clinic.transaction where booking_id = $1),
                    (select count(*) from clinic.ledger_entry as entry
                        join clinic.transaction on transaction.id = entry.transaction_id where booking_id = $1),
                    (select count(*) from clinic.event
                        where method like '%PayBooking' and change ->> 'booking_id' = $1::bigint::text)
                """
            return try await AdminConnection.withConnection(url: url) { connection in
                var row = try connection.query(counts, [.int64(booking.id)])[0]
                return [try row.int64(), try row.int64(), try row.int64()]
            }
        }
    }

    @Test func `a payment with a key is made once and answered, wherever the line is cut`() async throws {
        let scene = try await Scene()
        var generator = SeededGenerator(printing: "cuts")
        var cuts: [CuttingProxy.Cut] = (0...8).map { .answerMessages($0) }
        cuts += [0, 1].map { .requestBytes($0) }
        for _ in 0..<6 {
            cuts.append(.requestBytes(.random(in: 2...600, using: &generator)))
            cuts.append(.answerBytes(.random(in: 0...300, using: &generator)))
        }
        for (number, cut) in cuts.enumerated() {
            let booking = try await scene.booking(number)
            let key = "cut \(number) of \(booking.id)"
            scene.proxy.cut(cut, whenSeen: key)
            let paid = try await scene.pay(booking, key: key)
            #expect(paid.booking?.id == booking.id, "\(cut)")
            #expect(paid.status == .paid, "\(cut)")
            #expect(try await scene.traces(of: booking) == [1, 3, 1], "\(cut)")
            // A cut behind the end of the answer meets this one.
            #expect(try await scene.pay(booking, key: key).encoded() == paid.encoded(), "\(cut)")
        }
        #expect(scene.proxy.cuts == cuts.count)
        await scene.stop()
    }

    @Test func `without a key the caller hears that the outcome is not known, whether there is one or not`()
        async throws
    {
        let scene = try await Scene()
        // What has not arrived whole is not done; what has is, whatever of the answer comes back.
        let cuts: [(cut: CuttingProxy.Cut, traces: [Int64])] =
            [(.requestBytes(0), [0, 0, 0]), (.requestBytes(1), [0, 0, 0])]
            + (0..<6).map { (.answerMessages($0), [1, 3, 1]) }
        for (number, (cut, traces)) in cuts.enumerated() {
            let booking = try await scene.booking(number)
            // The full name of the method is in the request too.
            scene.proxy.cut(cut, whenSeen: "PaymentService/PayBooking")
            let failure = try await status { _ = try await scene.pay(booking, key: nil) }
            #expect(failure?.code == .unavailable, "\(cut)")
            #expect(failure?.errorInfo?.reason == "OUTCOME_UNKNOWN", "\(cut)")
            try await eventually("\(traces) after \(cut)") {
                try await scene.traces(of: booking) == traces
            }
        }
        #expect(scene.proxy.cuts == cuts.count)
        await scene.stop()
    }

    @Test func `a payment that is still under way when the line is cut is not made twice`() async throws {
        let scene = try await Scene()
        let booking = try await scene.booking(0)
        let key = "under way"
        // The server does not see the cut, and goes on with the first attempt when it gets the booking.
        scene.proxy.leavesServerWaiting = true
        scene.proxy.cut(.answerMessages(0), whenSeen: key)
        let waiting = """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        var payment: Task<Transaction, any Error>?
        try await withWriters(1, scene.url) { writers in
            try await writers[0].run("begin; select from clinic.booking where id = \(booking.id) for update")
            payment = Task { try await scene.pay(booking, key: key) }
            try await eventually("the attempt that was cut off and the next one at the lock") {
                try await scene.number(waiting) == 2
            }
            try await writers[0].run("commit")
        }
        let paid = try #require(try await payment?.value)
        #expect(scene.proxy.cuts == 1)
        #expect(paid.status == .paid)
        #expect(try await scene.traces(of: booking) == [1, 3, 1])
        #expect(try await scene.pay(booking, key: key).encoded() == paid.encoded())
        await scene.stop()
    }

    @Test func `while the database stays away the outcome is not known, and the key finds out later`()
        async throws
    {
        let scene = try await Scene()
        let booking = try await scene.booking(0)
        let key = "away"
        scene.proxy.cut(.answerMessages(0), whenSeen: key)
        scene.proxy.refusesConnections = true
        let start = ContinuousClock.now
        let failure = try await status { _ = try await scene.pay(booking, key: key) }
        #expect(failure?.errorInfo?.reason == "OUTCOME_UNKNOWN")
        #expect(ContinuousClock.now - start < .seconds(5))
        scene.proxy.refusesConnections = false
        var paid: Transaction?
        try await eventually("the payment") {
            paid = try? await scene.pay(booking, key: key)
            return paid != nil
        }
        #expect(paid?.status == .paid)
        #expect(try await scene.traces(of: booking) == [1, 3, 1])
        await scene.stop()
    }
}
