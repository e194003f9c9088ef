// `clinic transaction`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct ListTransactions: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List your payments; for staff, everyone's.", example: "clinic transaction list --status paid"
    )
    static let method = PaymentServiceMethods.listTransactions

    @Option(help: "Only payments of this patient. For staff.")
    var user: Int64?

    @Option(help: "Only payments for this booking.", completion: .bookings)
    var booking: Int64?

    @Option(
        help: "Only this status, such as paid or refunded. May be given several times.",
        completion: .values(of: TransactionStatus.self),
        transform: enumeration(named:))
    var status: [TransactionStatus] = []

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListTransactionsRequest {
        ListTransactionsRequest(userID: user ?? 0, bookingID: booking ?? 0, statuses: status)
    }
}

struct ShowTransaction: RemoteCommand {
    static let configuration = CommandConfiguration(
        "show", "Show a payment.", example: "clinic transaction show 9")
    static let method = PaymentServiceMethods.getTransaction

    @Argument(help: "The number of the transaction.", completion: .transactions)
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetTransactionRequest { GetTransactionRequest(transactionID: id) }
}

struct PrintReceipt: RemoteCommand {
    static let configuration = CommandConfiguration(
        "receipt", "Print the receipt of a payment.", example: "clinic transaction receipt 9")
    static let method = PaymentServiceMethods.getReceipt

    @Argument(help: "The number of the transaction.", completion: .transactions)
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetReceiptRequest { GetReceiptRequest(transactionID: id) }
}

struct RefundTransaction: ChangeCommand {
    static let configuration = CommandConfiguration(
        "refund", "Refund a payment, in full or in part. For administrators.",
        "A full refund cancels a booking whose visit has not begun.",
        example: "clinic transaction refund 9 --amount 50.00")
    static let method = PaymentServiceMethods.refundTransaction

    @Argument(help: "The number of the transaction.", completion: .transactions)
    var id: Int64

    @Option(
        help: "The amount with GST, in the clinic's currency, such as 50.00. [default: all that is left]",
        transform: GivenAmount.parse)
    var amount: GivenAmount?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { amount.map { $0.currency == nil } ?? false }

    func request(_ console: Console) throws -> RefundTransactionRequest {
        RefundTransactionRequest(
            transactionID: id, amount: try amount.map { try $0.money(in: console.clinic) })
    }
}

struct DeleteTransaction: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "delete", "Hide a payment; what was not refunded is reversed first. For administrators.",
        example: "clinic transaction delete 9")
    static let method = PaymentServiceMethods.deleteTransaction

    @Argument(help: "The number of the transaction.", completion: .transactions)
    var id: Int64

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteTransactionRequest {
        DeleteTransactionRequest(transactionID: id)
    }

    func confirmation(of response: DeleteTransactionResponse) -> String? { "transaction \(id) deleted" }

    func consequence(_ client: ClinicClient) -> String {
        "reverse what was not refunded of transaction \(id) and hide it"
    }
}
