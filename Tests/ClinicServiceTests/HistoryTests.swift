// What stays behind a mutation: its event, its ledger entries, its idempotency key; and that nobody can change them.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Synchronization
import TestCluster
import Testing

@Suite struct HistoryTests {
    @Test func `every mutation leaves one event, and no event or key holds a secret`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let booking = try await patient.book(doctor, at: clinic.dateTime(), key: "book")
            let transaction = try await patient.pay(booking)
            try await administrator.call(
                PaymentServiceMethods.refundTransaction,
                RefundTransactionRequest(transactionID: transaction.id))
            let methods = try await clinic.database.read(
                Statement("select method, actor_id from clinic.event order by sequence"), []
            ).map { row in
                var row = row
                return "\(try row.text()) \(try row.optionalInt64() ?? 0)"
            }
            let (admin, owner) = (administrator.userID, patient.userID)
            #expect(
                methods == [
                    "clinicd/create-admin 0", "clinic.v1.DepartmentService/CreateDepartment \(admin)",
                    "clinic.v1.DoctorService/RegisterDoctor \(admin)", "clinic.v1.UserService/CreateUser 0",
                    "clinic.v1.BookingService/BookAppointment \(owner)",
                    "clinic.v1.PaymentService/PayBooking \(owner)",
                    "clinic.v1.PaymentService/RefundTransaction \(admin)",
                ])
            let secrets = """
                select count(*) from (select change::text as text from clinic.event
                union all select response::text from clinic.idempotency_key) as written
                where text like '%$2b$%' or text ilike '%password%' or text like '%\(TestClinic.password)%'
                """
            #expect(try await clinic.count(secrets) == 0)
        }
    }

    @Test func `a refused call leaves nothing behind and its key can be used again`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let (first, second) = (try await clinic.signUp(), try await clinic.signUp())
            let booking = try await first.book(doctor, at: clinic.dateTime())
            let before = try await clinic.count("select count(*) from clinic.event")
            let refusal = try await status {
                _ = try await second.book(doctor, at: clinic.dateTime(), key: "k")
            }
            #expect(refusal?.errorInfo?.reason == "SLOT_TAKEN")
            #expect(try await clinic.count("select count(*) from clinic.event") == before)
            #expect(try await clinic.count("select count(*) from clinic.idempotency_key") == 0)

            try await first.call(
                BookingServiceMethods.updateBookingStatus,
                UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
            #expect(try await second.book(doctor, at: clinic.dateTime(), key: "k").status == .booked)
        }
    }

    @Test func `a repeated key gets the same bytes and no second effect, also at once`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            let elsewhere = try await second.admit([patient])[0]
            let booking = try await patient.book(doctor, at: clinic.dateTime())
            let answers = Mutex<[[UInt8]]>([])
            let pay: @Sendable (Session) async throws -> Void = { session in
                let paid = try await session.call(
                    PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id), key: "pay")
                answers.withLock { $0.append(paid.encoded()) }
            }
            let ends = try await race(
                behind: "select from clinic.booking where id = \(booking.id) for update",
                in: [clinic, second],
                [
                    Contenders(backends: 1) { try await pay(patient) },
                    Contenders(backends: 2) { try await pay(elsewhere) },
                    // On the second connection of that server.
                    Contenders(backends: 3, each: 0..<6) { _ in try await pay(elsewhere) },
                ])
            #expect(ends == [["OK": 1], ["OK": 1], ["OK": 6]])
            #expect(answers.withLock { $0.count == 8 && Set($0).count == 1 })
            #expect(try await clinic.count("select count(*) from clinic.transaction") == 1)

            // The answer is the first one even after the thing has changed.
            try await patient.call(
                BookingServiceMethods.updateBookingStatus,
                UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
            let late = try await patient.call(
                PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id), key: "pay")
            #expect(answers.withLock { $0.first } == late.encoded())

            // Keys are per caller.
            let other = try await clinic.signUp()
            #expect(try await other.book(doctor, at: clinic.dateTime(hour: 12), key: "pay").status == .booked)
        }
    }

    @Test func `the ledger sums to zero, holds the parts, and cannot be changed`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let transaction = try await patient.pay(patient.book(doctor, at: clinic.dateTime()))
            let sum = "select coalesce(sum(amount), 0)::bigint from clinic.ledger_entry"
            #expect(try await clinic.count(sum) == 0)
            for (account, amount) in [("clearing", 22_109), ("revenue", -20_099), ("gst_payable", -2_010)]
                as [(String, Int64)]
            {
                #expect(try await clinic.count(sum + " where account = $1", [.text(account)]) == amount)
            }
            try await administrator.call(
                PaymentServiceMethods.refundTransaction,
                RefundTransactionRequest(transactionID: transaction.id))
            for account in ["clearing", "revenue", "gst_payable"] {
                #expect(try await clinic.count(sum + " where account = $1", [.text(account)]) == 0)
            }
            for forbidden in [
                "update clinic.ledger_entry set amount = 1", "delete from clinic.ledger_entry",
                "truncate clinic.event", "update clinic.event set method = ''",
            ] {
                await #expect(throws: DatabaseError.self) {
                    try await AdminConnection.withConnection(url: clinic.databaseURL) {
                        try $0.execute(forbidden)
                    }
                }
            }
            let unbalanced = """
                insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
                values (999, \(transaction.id), 'PAYMENT', 'clearing', 1)
                """
            await #expect(throws: DatabaseError.self) {
                try await AdminConnection.withConnection(url: clinic.databaseURL) {
                    try $0.execute(unbalanced)
                }
            }
        }
    }
}
