// The rows of RefusalTests about refunds, receipts, the audit trail and reports.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import TestWaiting
import Testing

private func paid(_ scene: RefusalScene) async throws -> Transaction {
    let patient = try await scene.clinic.signUp()
    return try await patient.pay(patient.book(scene.newDoctor(), at: scene.clinic.dateTime()))
}

private func refund(
    _ scene: RefusalScene, _ transaction: Transaction, _ amount: Money?, key: String? = nil
) async throws {
    try await scene.administrator.call(
        PaymentServiceMethods.refundTransaction,
        RefundTransactionRequest(transactionID: transaction.id, amount: amount), key: key)
}

private func revenue(_ scene: RefusalScene, _ first: String, _ last: String) async throws {
    try await scene.administrator.call(
        AdminServiceMethods.queryRevenue, QueryRevenueRequest(firstDay: first, lastDay: last))
}

let moneyCases: [RefusalCase] = [
    RefusalCase("a refund of more than was paid", .failedPrecondition, "REFUND_TOO_LARGE") {
        try await refund($0, paid($0), Money(minorUnits: 22_110))
    },
    RefusalCase("a refund of more than is left", .failedPrecondition, "REFUND_TOO_LARGE") {
        let transaction = try await paid($0)
        try await refund($0, transaction, Money(minorUnits: 22_000))
        try await refund($0, transaction, Money(minorUnits: 110))
    },
    RefusalCase("a part of a payment that was given back", .failedPrecondition, "NOTHING_TO_REFUND") {
        let transaction = try await paid($0)
        try await refund($0, transaction, nil)
        try await refund($0, transaction, Money(minorUnits: 1))
    },
    RefusalCase("a refund of a visit that cost nothing", .failedPrecondition, "NOTHING_TO_REFUND") {
        let doctor = try await $0.clinic.doctor(fee: 0, by: $0.administrator)
        let patient = try await $0.clinic.signUp()
        try await refund($0, patient.pay(patient.book(doctor, at: $0.clinic.dateTime())), nil)
    },
    RefusalCase("a refund of nothing", .invalidArgument, "INVALID_FIELD") {
        try await refund($0, paid($0), Money(minorUnits: 0))
    },
    RefusalCase("a refund of less than nothing", .invalidArgument, "INVALID_FIELD") {
        try await refund($0, paid($0), Money(minorUnits: .min))
    },
    RefusalCase("a refund of all the money there is", .failedPrecondition, "REFUND_TOO_LARGE") {
        try await refund($0, paid($0), Money(minorUnits: .max))
    },
    RefusalCase("a refund in another currency", .invalidArgument, "WRONG_CURRENCY") {
        try await refund($0, paid($0), Money(minorUnits: 1, currencyCode: "EUR"))
    },
    RefusalCase("a payment that is not settled, deleted", .failedPrecondition, "TRANSACTION_PENDING") {
        // PayBooking settles at once; a payment by card would not, and whoever brings its rows in finds this waiting.
        let transaction = try await paid($0)
        try await $0.clinic.run(
            "update clinic.transaction set status = 'PENDING' where id = $1", [.int64(transaction.id)])
        try await $0.administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: transaction.id))
    },
    RefusalCase("a refund of a transaction that is not there", .notFound, "TRANSACTION_NOT_FOUND") {
        try await refund($0, Transaction(id: 999_999), Money(minorUnits: 1))
    },
    RefusalCase("a refund under the key of another one", .invalidArgument, "KEY_REUSED") {
        let transaction = try await paid($0)
        let key = "refund \(transaction.id)"
        try await refund($0, transaction, Money(minorUnits: 1), key: key)
        // It would be too large as well, but the key answers before anything else is looked at.
        try await refund($0, transaction, Money(minorUnits: .max), key: key)
    },
    RefusalCase("another patient's transaction", .notFound, "TRANSACTION_NOT_FOUND") {
        try await $0.patient.call(
            PaymentServiceMethods.getTransaction, GetTransactionRequest(transactionID: paid($0).id))
    },
    RefusalCase("another patient's receipt", .notFound, "TRANSACTION_NOT_FOUND") {
        try await $0.patient.call(
            PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: paid($0).id))
    },
    RefusalCase("a transaction that was deleted", .notFound, "TRANSACTION_NOT_FOUND") {
        let transaction = try await paid($0)
        try await $0.administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: transaction.id))
        try await $0.administrator.call(
            PaymentServiceMethods.getTransaction, GetTransactionRequest(transactionID: transaction.id))
    },
    RefusalCase("a report on days that are none", .invalidArgument, "INVALID_FIELD") {
        try await revenue($0, "2026-02-30", "2026-03-01")
    },
    RefusalCase("a report that ends before it begins", .invalidArgument, "INVALID_FIELD") {
        try await revenue($0, "2026-03-02", "2026-03-01")
    },
    RefusalCase("a report on more than 366 days", .invalidArgument, "INVALID_FIELD") {
        try await revenue($0, "2026-01-01", "2027-01-02")
    },
    RefusalCase("a report on the end of the calendar", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            AdminServiceMethods.queryUtilization,
            QueryUtilizationRequest(firstDay: "9999-12-31", lastDay: "9999-12-31"))
    },
    RefusalCase("the history of a number that names nothing", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(entityID: 7))
    },
    RefusalCase("the history before the beginning of time", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            AdminServiceMethods.listAuditEvents,
            ListAuditEventsRequest(eventBefore: ProtobufTimestamp(seconds: .min)))
    },
    RefusalCase("a page of the other direction", .invalidArgument, "INVALID_PAGE_TOKEN") {
        // A page of one has a next only where there are two.
        for _ in 0..<2 { _ = try await $0.newDoctor() }
        let administrator = $0.administrator
        var page = ListAuditEventsResponse()
        // Transactions of other tests in the same cluster may hold the events back for a moment.
        try await eventually("a second event") {
            page = try await administrator.call(
                AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(pageSize: 1))
            return !page.nextPageToken.isEmpty
        }
        try await administrator.call(
            AdminServiceMethods.listAuditEvents,
            ListAuditEventsRequest(pageSize: 1, pageToken: page.nextPageToken, newestFirst: true))
    },
    RefusalCase("a patient who looks into the audit trail", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(AdminServiceMethods.listAuditEvents, ListAuditEventsRequest())
    },
]
