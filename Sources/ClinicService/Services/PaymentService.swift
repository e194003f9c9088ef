// clinic.v1.PaymentService.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct PaymentService: Sendable {
    let clinic: ClinicSettings
    let transactions: TransactionStore
    let pageTokens: PageTokens

    func listTransactions(
        _ request: ListTransactionsRequest, _ call: AuthorizedCall
    ) throws -> Query<ListTransactionsResponse> {
        let isOwn = request.userID == 0 || request.userID == call.caller.userID
        guard isOwn || call.caller.isStaff else {
            throw Status(
                .roleRequired, "only staff may list the transactions of another user; leave user_id out")
        }
        let userID = call.caller.isStaff ? (request.userID == 0 ? nil : request.userID) : call.caller.userID
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        let records = transactions.list(
            userID: userID, bookingID: request.bookingID == 0 ? nil : request.bookingID,
            statuses: try Set(request.statuses, "statuses", by: ClinicMessages.TransactionStatus.init),
            after: page.cursor?.first, limit: page.limit)
        return records.map { records in
            let answer = try page.answer(records, key: { [$0.id] }, message: { Transaction($0, clinic) })
            return ListTransactionsResponse(
                transactions: answer.messages, nextPageToken: answer.nextPageToken)
        }
    }

    func getTransaction(_ request: GetTransactionRequest, _ call: AuthorizedCall) -> Query<Transaction> {
        transactions.get(request.transactionID, ownerID: owner(call.caller)).map { Transaction($0, clinic) }
    }

    func getReceipt(_ request: GetReceiptRequest, _ call: AuthorizedCall) -> Query<Receipt> {
        transactions.receipt(request.transactionID, ownerID: owner(call.caller)).map { Receipt($0, clinic) }
    }

    func payBooking(_ request: PayBookingRequest, _ call: AuthorizedCall) async throws -> Transaction {
        Transaction(
            try await transactions.pay(
                bookingID: request.bookingID, ownerID: owner(call.caller), context: call.context), clinic)
    }

    /// The GST of a partial refund is decided on the balance that was read. It is nearly always the same on any other balance,
    /// so concurrent partial refunds of a payment need no retry while enough is left; a refund of the rest is bound to the
    /// version, and is retried when another refund came first.
    func refundTransaction(_ request: RefundTransactionRequest, _ call: AuthorizedCall) async throws
        -> Transaction
    {
        var fields = FieldReader()
        let amount = try fields.amount(request.amount, "amount", clinic)
        try fields.finish()
        let record = try await withOptimisticRetry(call, earlier: transactions.earlierAnswer, rounds: 50) {
            let balance = try await transactions.balance(of: request.transactionID, for: call.context)
            let refund = try refund(of: amount, balance)
            guard let status = balance.status.afterRefund(isFull: refund.isFull) else {
                throw Status(Refusal(.nothingToRefund, detail: ["status": balance.status.rawValue]))
            }
            return (balance, refund, status)
        } write: { balance, refund, status in
            try await transactions.refund(refund, of: balance, leaving: status, context: call.context)
        }
        return Transaction(record, clinic)
    }

    private func refund(of amount: Int64?, _ balance: TransactionStore.Balance) throws -> Refund {
        do throws(RefundError) {
            return try Refund(
                of: amount, fee: balance.fee, gst: balance.gst, refundedFee: balance.refundedFee,
                refundedGST: balance.refundedGST)
        } catch {
            switch error {
            case .nothingLeft:
                throw Status(Refusal(.nothingToRefund, detail: ["status": balance.status.rawValue]))
            case .moreThanLeft(let left):
                throw Status(
                    .refundTooLarge, field: "amount",
                    "only \(left) minor units are left; refund less, or leave amount out",
                    [("left", String(left))])
            case .notPositive: throw Status(field: "amount", "is above 0")
            case .inconsistentPayment: throw Status(.internalError)
            }
        }
    }

    /// The user to whom a transaction must belong; nil for the staff.
    private func owner(_ caller: Caller) -> Int64? { caller.isStaff ? nil : caller.userID }

    func deleteTransaction(_ request: DeleteTransactionRequest, _ call: AuthorizedCall) async throws
        -> DeleteTransactionResponse
    {
        try refuse(preview: request.validateOnly)
        try await transactions.delete(request.transactionID, context: call.context)
        return DeleteTransactionResponse()
    }
}
