// A database as the baseline left it is brought up to date: what was written then is read, is in order, and goes on.

import ClinicStore
import Foundation
import PostgreSQL
import Scheduling
import TestCluster
import Testing

struct UpgradeTests {
    /// The dump of a small clinic at migration 1, restored.
    private func restore() async throws -> OpenedDatabase {
        let url = try await TestCluster.makeDatabase()
        let dump = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "Fixtures/baseline-V001.sql")
        try await administer(url, String(contentsOf: dump, encoding: .utf8))
        return try await OpenedDatabase(url: url)
    }

    @Test func `what the baseline wrote is read and in order`() async throws {
        let opened = try await restore()
        let findings = try await ConsistencyStore(database: opened.database).findings(for: nil)
        #expect(findings.filter { $0.violations > 0 }.isEmpty)

        let bookings = try await BookingStore(database: opened.database).list(after: nil, limit: 50).answer(
            for: nil)
        // The hold expired long ago.
        #expect(bookings.map(\.status) == [.confirmed, .cancelled, .booked, .cancelled, .booked, .expired])
        #expect(bookings.first?.transactions.map(\.total) == [22_109])
        let receipt = try await TransactionStore(database: opened.database).receipt(2, ownerID: 2).answer(
            for: nil)
        #expect(receipt.refunds.map(\.fee) == [20_099])
        let events = BookingEventStore(database: opened.database)
        #expect(try await events.end(for: nil).sequence > 0)
        await opened.close()
    }

    @Test func `a key of then is answered as it was then`() async throws {
        let opened = try await restore()
        let sent = Array("p".utf8)
        let digest = try await AdminConnection.withConnection(url: opened.url) { connection in
            var row = try connection.query("select sha256($1)", [.bytes(sent)])[0]
            return try row.bytes()
        }
        let context = RequestContext(
            actorID: 2, method: "clinic.v1.PaymentService/PayBooking",
            key: .init(text: "pay 1", requestDigest: digest))
        let paid = try await TransactionStore(database: opened.database)
            .pay(bookingID: 1, ownerID: 2, context: context)
        #expect(paid.id == 1)
        #expect(try await opened.texts("select count(*)::text from clinic.transaction") == ["3"])
        await opened.close()
    }

    @Test func `appointments are booked and refused beside those of then`() async throws {
        let opened = try await restore()
        let bookings = BookingStore(database: opened.database)
        func book(_ start: String) async throws -> BookingRecord {
            var row = try #require(
                try await opened.database.read(
                    Statement("select microseconds($1::text::timestamptz)"), [.text(start)]
                ).first)
            let microseconds = try row.int64()
            let start = Instant(microsecondsSinceEpoch: microseconds)
            let terms = try await DoctorStore(database: opened.database).terms(1, start: start, for: nil)
            let slot = AppointmentSlot(
                start: start,
                end: Instant(microsecondsSinceEpoch: microseconds + terms.slotMinutes * 60_000_000))
            let price = try GSTRate.standard.price(fee: terms.fee)
            return try await bookings.book(
                Appointment(slot: slot, price: price, refundUntil: start, terms: terms), userID: 3,
                limit: nil,
                context: RequestContext(actorID: 3, method: "test"))
        }
        await #expect(throws: Refusal(.slotTaken)) { _ = try await book("2098-02-01 00:00Z") }
        #expect(try await book("2098-02-02 00:00Z").id > 6)
        let findings = try await ConsistencyStore(database: opened.database).findings(for: nil)
        #expect(findings.filter { $0.violations > 0 }.isEmpty)
        await opened.close()
    }
}
