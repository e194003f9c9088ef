// `clinic transaction`.

internal import ArgumentParser
internal import ClinicMessages

struct ListTransactions: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List your payments; for staff, everyone's.", example: "clinic transaction list --status paid"
    )
    static let method = PaymentServiceMethods.listTransactions

    @Option(help: "Only those of this patient. For staff.")
    var user: Int64?

    @Option(help: "Only those for this booking.")
    var booking: Int64?

    @Option(help: "Only this status, such as paid or refunded.", transform: enumeration(named:))
    var status: TransactionStatus?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter() -> ListTransactionsRequest {
        ListTransactionsRequest(userID: user ?? 0, bookingID: booking ?? 0, status: status ?? .unspecified)
    }
}

struct RefundTransaction: ChangeCommand {
    static let configuration = CommandConfiguration(
        "refund", "Give back all that is left of a payment. For administrators.",
        "A booking that did not take place yet is cancelled by it.",
        example: "clinic transaction refund 9")
    static let method = PaymentServiceMethods.refundTransaction

    @Argument(help: "The number of the transaction.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> RefundTransactionRequest {
        RefundTransactionRequest(transactionID: id)
    }
}

struct DeleteTransaction: ChangeCommand {
    static let configuration = CommandConfiguration(
        "delete", "Hide a payment; one that was not given back is reversed first. For administrators.",
        example: "clinic transaction delete 9")
    static let method = PaymentServiceMethods.deleteTransaction

    @Argument(help: "The number of the transaction.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteTransactionRequest {
        DeleteTransactionRequest(transactionID: id)
    }

    func confirmation(of answer: ProtobufEmpty) -> String? { "transaction \(id) deleted" }
}
