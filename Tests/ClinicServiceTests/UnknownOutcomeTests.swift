// The line to PostgreSQL breaks at every place of a payment: while it is asked for, between its commit and the answer,
// and in the middle of that. Whoever brought a key hears what became of it and is charged once.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import TTRPCMessages
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
            clinic = try await TestClinic(databaseURL: proxy.url, writeConnections: 1)
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

    @Test func `without a key the caller hears that the outcome is not known`() async throws {
        let scene = try await Scene()
        for number in 0..<6 {
            let booking = try await scene.booking(number)
            // The full name of the method is in the request too.
            scene.proxy.cut(.answerMessages(number), whenSeen: "PaymentService/PayBooking")
            let failure = try await status { _ = try await scene.pay(booking, key: nil) }
            #expect(failure?.code == .unavailable)
            #expect(failure?.errorInfo?.reason == "OUTCOME_UNKNOWN")
            let traces = try await scene.traces(of: booking)
            #expect(traces == [0, 0, 0] || traces == [1, 3, 1])
        }
        #expect(scene.proxy.cuts == 6)
        await scene.stop()
    }

    @Test func `a payment that is still under way when the line is cut is not made twice`() async throws {
        let scene = try await Scene()
        let booking = try await scene.booking(0)
        let key = "under way"
        let (proxy, url) = (scene.proxy, scene.url)
        let (locked, isLocked) = AsyncStream.makeStream(of: Void.self)
        // Somebody holds the booking until the first attempt waits for it, is cut off, and the second waits as well.
        async let holding: Void = AdminConnection.withConnection(url: url) { connection in
            try connection.transaction { () throws(DatabaseError) in
                _ = try connection.query(
                    "select from clinic.booking where id = $1 for update", [.int64(booking.id)])
                isLocked.yield()
                let waiters = """
                    select count(*) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'
                    """
                let deadline = ContinuousClock.now + .seconds(2)
                while ContinuousClock.now < deadline {
                    var row = try connection.query(waiters)[0]
                    if try row.int64() == 2 { break }
                    Thread.sleep(forTimeInterval: 0.002)
                }
            }
        }
        for await _ in locked { break }
        proxy.cut(.answerMessages(0), whenSeen: key)
        let paid = try await scene.pay(booking, key: key)
        try await holding
        #expect(proxy.cuts == 1)
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
