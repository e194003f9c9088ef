// clinic.v1.PaymentService.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling
internal import TTRPC

struct PaymentService: Sendable {
    let clinic: ClinicSettings
    let transactions: TransactionStore
    let pageTokens: PageTokens

    func listTransactions(_ request: ListTransactionsRequest, _ call: Call) async throws
        -> ListTransactionsResponse
    {
        let isOwn = request.userID == 0 || request.userID == call.caller.userID
        guard isOwn || call.caller.isStaff else {
            throw Status(
                .roleRequired, "only staff may list the transactions of another user; leave user_id out")
        }
        let userID = call.caller.isStaff ? (request.userID == 0 ? nil : request.userID) : call.caller.userID
        let page = try Page(of: request, call, keyLength: 1, tokens: pageTokens)
        let records = try await transactions.list(
            userID: userID, bookingID: request.bookingID == 0 ? nil : request.bookingID,
            status: Scheduling.TransactionStatus(
                from: request.status, by: ClinicMessages.TransactionStatus.init), after: page.cursor?.first,
            limit: page.limit)
        let answer = try page.answer(records, key: { [$0.id] }, message: { Transaction($0, clinic) })
        return ListTransactionsResponse(transactions: answer.messages, nextPageToken: answer.nextPageToken)
    }

    func payBooking(_ request: PayBookingRequest, _ call: Call) async throws -> Transaction {
        Transaction(
            try await transactions.pay(
                bookingID: request.bookingID, ownerID: call.caller.isStaff ? nil : call.caller.userID,
                origin: call.origin), clinic)
    }

    func refundTransaction(_ request: RefundTransactionRequest, _ call: Call) async throws -> Transaction {
        Transaction(try await transactions.refund(request.transactionID, origin: call.origin), clinic)
    }

    func deleteTransaction(_ request: DeleteTransactionRequest, _ call: Call) async throws -> ProtobufEmpty {
        try await transactions.delete(request.transactionID, origin: call.origin)
        return ProtobufEmpty()
    }
}
