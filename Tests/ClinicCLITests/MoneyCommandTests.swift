// The commands for refunds, receipts, the audit trail and reports.

import ClinicMessages
import ProtobufC
import RPC
import RPCMessages
import Testing

@testable import clinic

@Suite struct MoneyCommandTests {
    private let instant = ProtobufTimestamp(seconds: 1_795_474_800)

    private func money(_ units: Int64) -> Money { Money(minorUnits: units, currencyCode: "AUD") }

    @Test func `arguments are converted into requests`() throws {
        #expect(
            try request(ShowTransaction.self, "transaction", "show", "9")
                == GetTransactionRequest(transactionID: 9))
        #expect(
            try request(PrintReceipt.self, "transaction", "receipt", "9")
                == GetReceiptRequest(transactionID: 9))
        #expect(
            try request(RefundTransaction.self, "transaction", "refund", "9", "--amount", "50.5")
                == RefundTransactionRequest(transactionID: 9, amount: money(5_050)))
        #expect(
            try request(
                ListAuditEvents.self, "audit", "list", "--actor", "8", "--entity", "booking", "--id", "7",
                "--method", "clinic.v1.PaymentService/PayBooking", "--from", "2026-11-23T23:00:00Z",
                "--before", "2026-11-24T10:00:00+11:00")
                == ListAuditEventsRequest(
                    actorID: 8, entity: "booking", entityID: 7,
                    method: "clinic.v1.PaymentService/PayBooking", eventFrom: instant, eventBefore: instant,
                    newestFirst: true))
        #expect(
            try request(ListAuditEvents.self, "audit", "list", "--oldest-first") == ListAuditEventsRequest())
        #expect(
            try request(
                ShowRevenue.self, "report", "revenue", "--from", "2026-11-01", "--to", "2026-11-30", "--by",
                "doctor", "--department", "2")
                == QueryRevenueRequest(
                    firstDay: "2026-11-01", lastDay: "2026-11-30", grouping: .doctor, departmentID: 2))
        #expect(
            try request(
                ShowUtilization.self, "report", "utilization", "--from", "2026-11-01", "--doctor", "3")
                == QueryUtilizationRequest(firstDay: "2026-11-01", lastDay: "2026-11-01", doctorID: 3))
    }

    @Test func `a receipt is printed in columns`() {
        let receipt = Receipt(
            receiptNumber: "R-9",
            transaction: Transaction(
                id: 9, fee: money(20_099), gst: money(2_010), totalFee: money(22_109),
                refundedAmount: money(5_109), status: .partiallyRefunded,
                booking: BookingSummary(id: 7, bookingDateTime: "24/11/2026 10:00:00")),
            paymentDateTime: "20/11/2026 09:41:07",
            user: UserSummary(id: 2, firstName: "Ada", lastName: "Love\u{1B}lace"),
            doctor: DoctorSummary(
                id: 3, fullName: "Dr Hopper", department: DepartmentSummary(id: 1, departmentName: "Eyes")),
            lines: [
                ReceiptLine(
                    description: "Consultation with Dr Hopper on 24/11/2026 10:00:00", fee: money(20_099),
                    gst: money(2_010), total: money(22_109))
            ],
            refunds: [
                ReceiptRefund(
                    refundNumber: "R-9-1", refundDateTime: "21/11/2026 12:00:00", fee: money(4_645),
                    gst: money(464), amount: money(5_109))
            ],
            balance: money(17_000), timeZone: "Australia/Sydney")
        #expect(
            receipt.text == """
                RECEIPT                                                  R-9

                Paid         2026-11-20 09:41 (Australia/Sydney)
                Patient      Ada Love\u{FFFD}lace
                Doctor       Dr Hopper
                Department   Eyes
                Appointment  2026-11-24 10:00
                Booking      7
                Transaction  9
                ------------------------------------------------------------
                Consultation with Dr Hopper on 24/11/2026 10:00:00
                                                                  200.99 AUD
                GST                                                20.10 AUD
                ------------------------------------------------------------
                TOTAL                                             221.09 AUD

                Refund R-9-1, 2026-11-21 12:00                    -51.09 AUD
                  of it GST                                        -4.64 AUD
                ------------------------------------------------------------
                LEFT AFTER REFUNDS                                170.00 AUD

                """)
    }

    @Test func `reports are printed as tables with a total`() {
        let revenue = QueryRevenueResponse(
            rows: [
                RevenueRow(
                    day: "2026-11-24", fee: money(20_099), gst: money(2_010), refunded: money(109),
                    refundedGst: money(10), net: money(22_000))
            ],
            total: RevenueRow(
                fee: money(20_099), gst: money(2_010), refunded: money(109), refundedGst: money(10),
                net: money(22_000)))
        #expect(
            revenue.text == """
                FOR         FEE AUD  GST AUD  REFUNDED AUD  OF IT GST AUD  NET AUD
                2026-11-24   200.99    20.10          1.09           0.10   220.00
                Total        200.99    20.10          1.09           0.10   220.00

                """)
        let utilization = QueryUtilizationResponse(
            rows: [
                UtilizationRow(
                    doctor: DoctorSummary(id: 3, fullName: "Dr Hopper"), offered: 16, booked: 3, attended: 2,
                    cancelled: 1, noShows: 1, noShowBasisPoints: 3_333, bookedBasisPoints: 1_875)
            ], total: UtilizationRow(offered: 16, booked: 3, noShowBasisPoints: 5))
        #expect(
            utilization.text == """
                FOR            OFFERED  BOOKED  OF OFFERED  ATTENDED  CANCELLED  NO SHOWS  NO-SHOW RATE
                Dr Hopper (3)       16       3     18.75 %         2          1         1       33.33 %
                Total               16       3      0.00 %         0          0         0        0.05 %

                """)
    }

    @Test func `the audit trail is printed as a list`() async throws {
        let line = try TestCommandLine()
        let instant = instant
        try await line.serving { methods in
            methods.on(AdminServiceMethods.listAuditEvents) { request in
                ListAuditEventsResponse(
                    auditEvents: [
                        AuditEvent(
                            id: 12, eventTime: instant, actorID: request.actorID,
                            method: "clinic.v1.PaymentService/PayBooking", entity: "transaction", entityID: 9,
                            changeJson: #"{"status": "PAID", "booking_id": 7, "total_fee": 22109}"#)
                    ], nextPageToken: "next")
            }
        } during: {
            let outcome = await line.run("audit", "list", "--actor", "8")
            #expect(
                outcome.output == """
                    ID  TIME              ACTOR  METHOD      OF             CHANGE
                    12  2026-11-24 10:00      8  PayBooking  transaction 9  booking 7, status paid, total fee 221.09 AUD

                    """)
            #expect(outcome.errors == "more: clinic audit list --actor 8 --page-token next\n")
        }
    }
}
