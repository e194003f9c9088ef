// The look through all data, and that it sees: every rule is broken once, behind the back of the constraints.

import ClinicMessages
import PostgreSQL
import Testing

@Suite struct ConsistencyTests {
    /// The names of the rules that are broken, with what breaks them.
    private func broken(_ administrator: Session) async throws -> [String: [Int64]] {
        let answer = try await administrator.call(
            AdminServiceMethods.checkConsistency, CheckConsistencyRequest())
        #expect(answer.checks.count == 14)
        return Dictionary(
            uniqueKeysWithValues: answer.checks.filter { $0.violations > 0 }.map { ($0.name, $0.entityIds) })
    }

    private func run(_ clinic: TestClinic, _ sql: [String]) async throws {
        for sql in sql { try await clinic.runAsOwner(sql) }
    }

    @Test func `what the service did holds together`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            for (index, hour) in [9, 10, 11, 12].enumerated() {
                let booking = try await patient.book(doctor, at: clinic.dateTime(hour: hour))
                guard index > 0 else { continue }
                let payment = try await patient.pay(booking)
                switch index {
                case 1:
                    try await administrator.call(
                        PaymentServiceMethods.refundTransaction,
                        RefundTransactionRequest(transactionID: payment.id, amount: Money(minorUnits: 7)))
                case 2:
                    try await administrator.call(
                        PaymentServiceMethods.deleteTransaction,
                        DeleteTransactionRequest(transactionID: payment.id))
                default:
                    try await patient.call(
                        BookingServiceMethods.updateBookingStatus,
                        UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
                }
            }
            #expect(try await broken(administrator) == [:])
        }
    }

    @Test func `an event of another cluster, whose transaction is yet to come here, is found`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            var row = try await clinic.database.write(
                Statement(
                    """
                    insert into clinic.event (transaction_number, method, entity, entity_id, change)
                    select pg_current_xact_id()::text::bigint + 1000000000, 'CreateUser', 'user', 1, '{}'
                    returning sequence
                    """), [])[0]
            #expect(try await broken(administrator)["EVENT_AHEAD"] == [row.int64()])
        }
    }

    @Test func `a double booking is found when its constraints are gone`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let booking = try await clinic.signUp().book(doctor, at: clinic.dateTime())
            try await run(
                clinic,
                [
                    "alter table clinic.booking drop constraint booking_doctor_busy",
                    "alter table clinic.booking drop constraint booking_patient_busy",
                    """
                    insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
                    select doctor_id, user_id, start_time + interval '10 minutes', end_time + interval '10 minutes',
                        tstzrange(start_time + interval '10 minutes', end_time + interval '10 minutes'),
                        'BOOKED', fee, gst
                    from clinic.booking
                    """,
                ])
            let second = booking.id + 1
            #expect(
                try await broken(administrator) == [
                    "DOCTOR_DOUBLE_BOOKED": [second], "PATIENT_DOUBLE_BOOKED": [second],
                    "BOOKING_WITHOUT_EVENT": [second],
                ])
        }
    }

    @Test func `a visit that took place too early, and the slot that was sold with it, are found`()
        async throws
    {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            var bookings: [Booking] = []
            for hour in 9..<13 {
                bookings.append(try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: hour)))
            }
            try await run(
                clinic,
                [
                    "update clinic.booking set status = 'COMPLETED' where id = \(bookings[0].id)",
                    "update clinic.booking set status = 'ARRIVED' where id = \(bookings[1].id)",
                    "update clinic.booking set status = 'NO_SHOW' where id = \(bookings[2].id)",
                    "update clinic.booking set refund_until = end_time where id = \(bookings[3].id)",
                ])
            let again = try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: 9))
            #expect(
                try await broken(administrator) == [
                    "DOCTOR_DOUBLE_BOOKED": [again.id],
                    "STATUS_BEFORE_ITS_TIME": bookings[..<3].map { $0.id },
                    "REFUND_DEADLINE_AFTER_START": [bookings[3].id],
                ])
        }
    }

    @Test func `money that does not add up is found`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let paid = try await patient.book(doctor, at: clinic.dateTime(hour: 9))
            let payment = try await patient.pay(paid)
            let unpaid = try await patient.book(doctor, at: clinic.dateTime(hour: 10))
            try await run(
                clinic,
                [
                    "alter table clinic.ledger_entry disable trigger ledger_entry_balances",
                    """
                    insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
                    values (4711, \(payment.id), 'REFUND', 'clearing', -5)
                    """,
                    "update clinic.booking set status = 'CONFIRMED' where id = \(unpaid.id)",
                    "update clinic.booking set status = 'BOOKED', fee = fee + 1 where id = \(paid.id)",
                ])
            #expect(
                try await broken(administrator) == [
                    "JOURNAL_UNBALANCED": [4711], "LEDGER_DIFFERS": [payment.id],
                    "PAYMENT_MISSING": [unpaid.id],
                    "PAYMENT_UNEXPECTED": [paid.id], "PAYMENT_DIFFERS_FROM_BOOKING": [payment.id],
                ])
            try await run(
                clinic,
                [
                    "alter table clinic.transaction drop constraint transaction_refund",
                    "alter table clinic.transaction drop constraint transaction_refund_status",
                    "update clinic.transaction set refunded_amount = total_fee + 1",
                ])
            #expect(try await broken(administrator)["REFUND_EXCEEDS_PAYMENT"] == [payment.id])
        }
    }
}
