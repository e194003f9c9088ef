// Money given back: in parts, at once, in any order, and always to the cent.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import TestRandom
import Testing

@Suite struct PaymentTests {
    private static let shared = Task { try await Scene(TestClinic()) }

    private struct Scene: Sendable {
        let clinic: TestClinic
        let administrator: Session
        let patient: Session

        init(_ clinic: TestClinic) async throws {
            self.clinic = clinic
            administrator = try await clinic.administrator()
            patient = try await clinic.signUp()
        }

        @discardableResult
        func refund(_ transaction: Transaction, _ amount: Int64? = nil, by session: Session? = nil)
            async throws -> Transaction
        {
            try await (session ?? administrator).call(
                PaymentServiceMethods.refundTransaction,
                RefundTransactionRequest(
                    transactionID: transaction.id, amount: amount.map { Money(minorUnits: $0) }))
        }

        func paid(fee: Int64 = 20_099) async throws -> Transaction {
            let doctor = try await clinic.doctor(fee: fee, by: administrator)
            let patient = try await clinic.signUp()
            return try await patient.pay(patient.book(doctor, at: clinic.dateTime(daysAhead: 4)))
        }

        func get(_ transaction: Transaction) async throws -> Transaction {
            try await administrator.call(
                PaymentServiceMethods.getTransaction, GetTransactionRequest(transactionID: transaction.id))
        }

        func receipt(_ transaction: Transaction) async throws -> Receipt {
            try await administrator.call(
                PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: transaction.id))
        }

        /// What the ledger holds of a transaction, by account.
        func ledger(_ transaction: Transaction) async throws -> [String: Int64] {
            let rows = try await clinic.database.read(
                Statement(
                    """
                    select account, sum(amount)::bigint from clinic.ledger_entry where transaction_id = $1
                    group by account
                    """), [.int64(transaction.id)])
            return try rows.reduce(into: [:]) { sums, row in
                var row = row
                sums[try row.text()] = try row.int64()
            }
        }
    }

    @Test func `a part takes its half up share of the tax and the last one the remainder`() async throws {
        let scene = try await Self.shared.value
        let paid = try await scene.paid()
        let part = try await scene.refund(paid, 10_000)
        #expect(part.status == .partiallyRefunded)
        #expect(part.refundedAmount == Money(minorUnits: 10_000, currencyCode: "AUD"))
        #expect(part.booking?.status == .confirmed)
        #expect(part.etag != paid.etag)
        // 10000 × 2010 / 22109 = 909.13
        #expect(
            try await scene.ledger(paid)
                == ["clearing": 12_109, "revenue": -(20_099 - 9_091), "gst_payable": -(2_010 - 909)])
        let rest = try await scene.refund(part, 12_109)
        #expect(rest.status == .refunded)
        #expect(rest.refundedAmount == rest.totalFee)
        #expect(rest.booking?.status == .cancelled)
        #expect(try await scene.ledger(paid) == ["clearing": 0, "revenue": 0, "gst_payable": 0])
    }

    @Test func `cancelling and voiding give back exactly what is left`() async throws {
        let scene = try await Self.shared.value
        let (cancelled, voided) = (try await scene.paid(), try await scene.paid())
        for paid in [cancelled, voided] {
            for amount: Int64 in [1, 7, 9_999] { _ = try await scene.refund(paid, amount) }
        }
        let booking = try await scene.administrator.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: cancelled.booking?.id ?? 0, status: .cancelled))
        #expect(booking.payments == [.refunded])
        try await scene.administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: voided.id))
        for paid in [cancelled, voided] {
            #expect(try await scene.ledger(paid) == ["clearing": 0, "revenue": 0, "gst_payable": 0])
            let whole = """
                select count(*) from clinic.transaction
                where id = $1 and refunded_amount = total_fee and refunded_gst = gst
                """
            #expect(try await scene.clinic.count(whole, [.int64(paid.id)]) == 1)
        }
        let bookingStatus = try await scene.clinic.count(
            "select count(*) from clinic.booking where id = $1 and status = 'BOOKED'",
            [.int64(voided.booking?.id ?? 0)])
        #expect(bookingStatus == 1)
    }

    @Test func `any sequence of payments and refunds leaves parts that sum exactly`() async throws {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            var generator = SeededGenerator(printing: "payments and refunds")
            var transactions: [Transaction] = []
            for number in 0..<12 {
                let fee = number < 4 ? Int64(number * 7 + 1) : .random(in: 1...60_000, using: &generator)
                transactions.append(try await scene.paid(fee: fee))
            }
            for _ in 0..<90 {
                guard let paid = transactions.randomElement(using: &generator) else { break }
                let before = try await scene.get(paid)
                let left = (before.totalFee?.minorUnits ?? 0) - (before.refundedAmount?.minorUnits ?? 0)
                let amount: Int64? =
                    switch Int.random(in: 0..<10, using: &generator) {
                    case 0: nil
                    case 1: left + 1
                    case 2: max(left, 1)
                    default: .random(in: 1...max(left / 3, 1), using: &generator)
                    }
                let failure = try await status { _ = try await scene.refund(paid, amount) }
                let expected: String? =
                    if left == 0 { "NOTHING_TO_REFUND" } else if let amount, amount > left {
                        "REFUND_TOO_LARGE"
                    } else { nil }
                #expect(failure?.errorInfo?.reason == expected)

                let receipt = try await scene.receipt(paid)
                func sum(_ part: KeyPath<ReceiptRefund, Money?>) -> Int64 {
                    receipt.refunds.reduce(0) { $0 + ($1[keyPath: part]?.minorUnits ?? 0) }
                }
                let given = sum(\.amount)
                #expect(given == receipt.transaction?.refundedAmount?.minorUnits)
                #expect(sum(\.fee) + sum(\.gst) == given)
                #expect(
                    receipt.balance?.minorUnits == (receipt.transaction?.totalFee?.minorUnits ?? 0) - given)
                #expect(
                    receipt.refunds.allSatisfy {
                        ($0.gst?.minorUnits ?? -1) >= 0 && ($0.fee?.minorUnits ?? -1) >= 0
                    })
                if receipt.transaction?.status == .refunded {
                    #expect(sum(\.fee) == receipt.transaction?.fee?.minorUnits)
                    #expect(sum(\.gst) == receipt.transaction?.gst?.minorUnits)
                }
                #expect(
                    try await scene.clinic.count("select sum(amount)::bigint from clinic.ledger_entry") == 0)
            }
        }
    }

    /// Runs the body with a scene, a second server of its clinic, and the clinic's administrator at that server.
    private func withTwoServersOfScene(_ body: (Scene, TestClinic, Session) async throws -> Void) async throws
    {
        try await withTwoServers { clinic, second in
            let scene = try await Scene(clinic)
            try await body(scene, second, try await second.admit([scene.administrator])[0])
        }
    }

    @Test func `of 32 partial refunds at once as many are made as there is money for`() async throws {
        try await withTwoServersOfScene { scene, second, elsewhere in
            let paid = try await scene.paid()
            let ends = try await race(
                behind: "select from clinic.transaction where id = \(paid.id) for update",
                in: [scene.clinic, second],
                [
                    Contenders(backends: 2, each: 0..<32) { number in
                        try await scene.refund(
                            paid, 1_000, by: number % 2 == 0 ? scene.administrator : elsewhere)
                    }
                ])
            #expect(ends == [["OK": 22, "REFUND_TOO_LARGE": 10]])
            let receipt = try await scene.receipt(paid)
            #expect(receipt.refunds.count == 22)
            #expect(receipt.balance?.minorUnits == 109)
            #expect(try await scene.refund(paid).status == .refunded)
            #expect(try await scene.ledger(paid) == ["clearing": 0, "revenue": 0, "gst_payable": 0])
        }
    }

    @Test func `refunds of single cents at once end with the last cent of fee and tax`() async throws {
        try await withTwoServersOfScene { scene, second, elsewhere in
            // 15 and 2 of tax: no cent has a share of the tax until the fee is used up, and then each has to be decided anew.
            let paid = try await scene.paid(fee: 15)
            let ends = try await race(
                behind: "select from clinic.transaction where id = \(paid.id) for update",
                in: [scene.clinic, second],
                [
                    Contenders(backends: 2, each: 0..<20) { number in
                        try await scene.refund(paid, 1, by: number % 2 == 0 ? scene.administrator : elsewhere)
                    }
                ])
            #expect(ends == [["OK": 17, "NOTHING_TO_REFUND": 3]])
            let receipt = try await scene.receipt(paid)
            #expect(receipt.transaction?.status == .refunded)
            #expect(receipt.refunds.count == 17)
            #expect(receipt.refunds.reduce(0) { $0 + ($1.fee?.minorUnits ?? 0) } == 15)
            #expect(receipt.refunds.reduce(0) { $0 + ($1.gst?.minorUnits ?? 0) } == 2)
            #expect(try await scene.ledger(paid) == ["clearing": 0, "revenue": 0, "gst_payable": 0])
        }
    }

    @Test func `a refund of all that is left takes what the parts before and behind it leave`() async throws {
        try await withTwoServersOfScene { scene, second, elsewhere in
            let paid = try await scene.paid(fee: 15)
            func cents(_ count: Int, by session: Session, backends: Int = 2) -> Contenders {
                Contenders(backends: backends, each: 0..<count) { _ in
                    try await scene.refund(paid, 1, by: session)
                }
            }
            let ends = try await race(
                behind: "select from clinic.transaction where id = \(paid.id) for update",
                in: [scene.clinic, second],
                [
                    cents(1, by: scene.administrator, backends: 1), cents(1, by: elsewhere),
                    cents(9, by: scene.administrator),
                    Contenders(backends: 2) { try await scene.refund(paid) },
                    cents(3, by: scene.administrator),
                ])
            #expect(ends == [["OK": 1], ["OK": 1], ["OK": 9], ["OK": 1], ["OK": 3]])
            let refunds = try await scene.receipt(paid).refunds
            #expect(refunds.map { $0.amount?.minorUnits } == Array(repeating: 1, count: 14) + [3])
            #expect(refunds.last?.gst?.minorUnits == 2)
            #expect(try await scene.ledger(paid) == ["clearing": 0, "revenue": 0, "gst_payable": 0])
        }
    }

    @Test func `paying while cancelling ends refunded or unpaid, by which was first`() async throws {
        try await withTwoServersOfScene { scene, second, elsewhere in
            let doctor = try await scene.clinic.doctor(by: scene.administrator)
            let patient = scene.patient
            let patientElsewhere = try await second.admit([patient])[0]
            for round in 0..<8 {
                let booking = try await patient.book(
                    doctor, at: scene.clinic.dateTime(daysAhead: 5, hour: round / 2, minute: 30 * (round % 2))
                )
                let canceller = round < 4 ? elsewhere : patientElsewhere
                let payment: @Sendable () async throws -> Void = { _ = try await patient.pay(booking) }
                let cancellation: @Sendable () async throws -> Void = { try await canceller.cancel(booking) }
                let isPaidFirst = round % 2 == 0
                let ends = try await race(
                    behind: "select from clinic.booking where id = \(booking.id) for update",
                    in: [scene.clinic, second],
                    [
                        Contenders(backends: 1, isPaidFirst ? payment : cancellation),
                        Contenders(backends: 2, isPaidFirst ? cancellation : payment),
                    ])
                #expect(ends == [["OK": 1], [isPaidFirst ? "OK" : "NOT_PAYABLE": 1]])
                let found = try await patient.get(booking)
                #expect(found.status == .cancelled)
                #expect(found.payments == (isPaidFirst ? [.refunded] : []))
            }
            #expect(try await scene.clinic.count("select sum(amount)::bigint from clinic.ledger_entry") == 0)
            #expect(try await scene.clinic.count("select count(*) from clinic.transaction") == 4)
        }
    }

    @Test func `the table refuses a status that does not fit the money`() async throws {
        let scene = try await Self.shared.value
        let paid = try await scene.paid()
        for wrong in [
            "status = 'REFUNDED'", "refunded_amount = 1", "status = 'VOIDED'",
            "status = 'PARTIALLY_REFUNDED'",
        ] {
            await #expect(throws: DatabaseError.self) {
                _ = try await scene.clinic.database.write(
                    Statement("update clinic.transaction set \(wrong) where id = $1"), [.int64(paid.id)])
            }
        }
    }

    @Test func `in a new clinic the ledger finds a transaction by its number alone`() async throws {
        // Nothing of it was ever analysed, so all indexes with the number in them look equally good.
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let booking = try await clinic.signUp().book(doctor, at: clinic.dateTime())
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    set search_path = \(clinic.schema.searchPath.joined(separator: ", ")); begin;
                    select pay_bookings(array[null]::bigint[], array['PayBooking'], array[null]::text[], array[null]::bytea[],
                        array[\(booking.id)], array[null]::bigint[], '{BOOKED}', '{BOOKED}')
                    """)
                func scans(_ index: String) throws -> Int64 {
                    var row = try connection.query(
                        "select pg_stat_get_xact_numscans('clinic.\(index)'::regclass)")[0]
                    return try row.int64()
                }
                #expect(try scans("transaction_pkey") == 3)
                #expect(try scans("transaction_of_booking") == 0)
            }
        }
    }

    @Test func `a receipt says who paid what for what, and when on the clinic's clock`() async throws {
        let scene = try await Self.shared.value
        let doctor = try await scene.clinic.doctor(by: scene.administrator)
        let patient = try await scene.clinic.signUp()
        let before = Instant.now
        let paid = try await patient.pay(
            patient.book(doctor, at: scene.clinic.dateTime(daysAhead: 3, hour: 15)))
        _ = try await scene.refund(paid, 5_000)
        _ = try await scene.refund(paid, 109)

        let receipt = try await patient.call(
            PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: paid.id))
        #expect(receipt == (try await scene.receipt(paid)))
        #expect(receipt.receiptNumber == "R-\(paid.id)")
        #expect(receipt.transaction == (try await scene.get(paid)))
        #expect(receipt.user == UserSummary(id: patient.userID, firstName: "Pat", lastName: "Ient"))
        #expect(receipt.doctor?.fullName == "Dr Who")
        #expect(receipt.doctor?.department == doctor.department)
        #expect(receipt.timeZone == "Australia/Sydney")
        func money(_ units: Int64) -> Money { Money(minorUnits: units, currencyCode: "AUD") }
        #expect(
            receipt.lines == [
                ReceiptLine(
                    description: "Consultation with Dr Who on \(paid.booking?.bookingDateTime ?? "")",
                    fee: money(20_099), gst: money(2_010), total: money(22_109))
            ])
        #expect(receipt.refunds.map { $0.refundNumber } == ["R-\(paid.id)-1", "R-\(paid.id)-2"])
        // 5000 × 2010 / 22109 = 454.57, 109 × 2010 / 22109 = 9.91
        #expect(receipt.refunds.map { $0.gst?.minorUnits } == [455, 10])
        #expect(receipt.balance == money(17_000))
        let times = [receipt.paymentTime] + receipt.refunds.map { $0.refundTime }
        let texts = [receipt.paymentDateTime] + receipt.refunds.map { $0.refundDateTime }
        for (time, text) in zip(times, texts) {
            let instant = try #require(Instant(secondsSinceEpoch: time?.seconds ?? 0))
            #expect(instant.secondsSinceEpoch >= before.secondsSinceEpoch - 1)
            #expect(scene.clinic.settings.zone.localDateTime(at: instant)?.description == text)
        }
    }
}
