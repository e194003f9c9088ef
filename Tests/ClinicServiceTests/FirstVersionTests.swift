// A database that the first version wrote: brought up to date, its money, its history and its keys go on.

import Bcrypt
import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import TestCluster
import TestWaiting
import Testing

@Suite struct FirstVersionTests {
    /// An administrator, a patient and three payments: one that stays, one that was given back, one that was voided.
    private static func script(password: String, payload: [UInt8]) -> String {
        let hex = payload.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        func origin(_ method: String, key: String = "null, null") -> String {
            "row(2, '\(method)', \(key))::clinic.origin"
        }
        let paid = "clinic.v1.PaymentService/PayBooking"
        return """
            insert into clinic.user_account (first_name, last_name, phone, email, password_hash, role)
            values ('Ad', 'Min', '', 'admin@example.org', '\(password)', 'ADMIN'),
                ('Pat', 'Ient', '', 'patient@example.org', '\(password)', 'PATIENT');
            select clinic.create_department(\(origin("m")), 'Eyes', 'eyes', 0, 1440, current_date);
            select clinic.register_doctor(\(origin("m")), 1, 'Dr Old', 'R1', '2099-12-31', 20099, 30, false);
            select clinic.book_appointment(\(origin("m")), 2, 1, 1, 1, start, start + interval '30 minutes', 20099, 2010)
            from generate_series(now() + interval '2 days', now() + interval '4 days', interval '1 day') as start;
            select clinic.pay_booking(\(origin(paid, key: "'old key', sha256('\\x\(hex)')")), 1, null, '{BOOKED}', '{BOOKED}');
            select clinic.pay_booking(\(origin(paid)), 2, null, '{BOOKED}', '{BOOKED}');
            select clinic.pay_booking(\(origin(paid)), 3, null, '{BOOKED}', '{BOOKED}');
            select clinic.refund_transaction(\(origin("m")), 2, '{CONFIRMED}');
            select clinic.delete_transaction(\(origin("m")), 3, '{CONFIRMED}');
            """
    }

    @Test func `what the first version wrote is read, paid back and repeated by this one`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await Migrator(migrations: Array(clinicMigrations.prefix(4)), logger: TestCluster.logger)
            .migrate(url: url)
        let hash = try await BcryptPool(cost: 4).hash(TestClinic.password)
        let payload = PayBookingRequest(bookingID: 1).encoded()
        try await AdminConnection.withConnection(url: url) { connection in
            try connection.execute(Self.script(password: hash, payload: payload))
        }

        let clinic = try await TestClinic(databaseURL: url)
        let administrator = try await clinic.connect().signedIn(email: "admin@example.org", userID: 1)
        let patient = try await clinic.connect().signedIn(email: "patient@example.org", userID: 2)
        let again = try await patient.call(
            PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 1), key: "old key")
        #expect(again.id == 1)
        #expect(try await clinic.count("select count(*) from clinic.transaction") == 3)

        let refunded = try await patient.call(
            PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: 2))
        #expect(refunded.refunds.map { $0.amount?.minorUnits } == [22_109])
        #expect(refunded.balance?.minorUnits == 0)
        let part = try await administrator.call(
            PaymentServiceMethods.refundTransaction,
            RefundTransactionRequest(transactionID: 1, amount: Money(minorUnits: 109)))
        #expect(part.status == .partiallyRefunded)

        let today = String(try clinic.dateTime(daysAhead: 0).prefix(10)).split(separator: "/").reversed()
            .joined(separator: "-")
        let revenue = try await administrator.call(
            AdminServiceMethods.queryRevenue, QueryRevenueRequest(firstDay: today, lastDay: today))
        #expect(revenue.total?.fee?.minorUnits == 60_297)
        #expect(revenue.total?.refunded?.minorUnits == 44_327)
        #expect(revenue.total?.net?.minorUnits == 22_000)

        // Events are shown below the oldest running transaction, and other tests' run in the same cluster.
        var events: [AuditEvent] = []
        try await eventually("the events of three bookings") {
            events = try await administrator.call(
                AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(entity: "booking")
            ).auditEvents
            return events.count >= 3
        }
        #expect(events.map { $0.entityID } == [1, 2, 3])
        await clinic.stop()
    }
}
