// Payments in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes transactions.
public struct TransactionStore: Sendable {
    private let database: Database

    /// Transactions of this database.
    public init(database: Database) { self.database = database }

    private static let pay = Mutation<TransactionRecord>("pay_booking", parameterCount: 4)
    private static let refund = Mutation<TransactionRecord>("refund_transaction", parameterCount: 2)
    private static let delete = Mutation<TransactionRecord>("delete_transaction", parameterCount: 2)

    /// Settles a booking at its price. Refused with `bookingNotFound`, `notPayable`, `alreadyPaid`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func pay(bookingID: Int64, ownerID: Int64?, origin: Origin) async throws -> TransactionRecord {
        try await Self.pay.run(
            on: database, origin,
            [
                .int64(bookingID), .int64(ownerID),
                .statuses(BookingStatus.allCases.filter { $0.afterPayment != nil }),
                .statuses(BookingStatus.allCases.filter { $0.afterPayment == .confirmed }),
            ])
    }

    /// Gives back all that is left. Refused with `transactionNotFound`, `nothingToRefund`.
    public func refund(_ id: Int64, origin: Origin) async throws -> TransactionRecord {
        try await Self.refund.run(
            on: database, origin,
            [.int64(id), .statuses(BookingStatus.allCases.filter { $0.afterFullRefund == .cancelled })])
    }

    /// Hides a transaction, reversed first if it is still paid. Refused with `transactionNotFound`,
    /// `transactionPending`.
    public func delete(_ id: Int64, origin: Origin) async throws {
        _ = try await Self.delete.run(
            on: database, origin,
            [.int64(id), .statuses(BookingStatus.allCases.filter { $0.afterVoid == .booked })])
    }

    private static let transactions = Listing<TransactionRecord>(
        "transaction_answer", filters: ["user_id = ?", "booking_id = ?", "status = ?"], order: ["id"])

    /// Transactions by id; every filter that is nil is left out.
    public func list(
        userID: Int64?, bookingID: Int64?, status: TransactionStatus?, after id: Int64?, limit: Int64
    ) async throws -> [TransactionRecord] {
        try await Self.transactions.page(
            from: database,
            filters: [
                userID.map { .int64($0) }, bookingID.map { .int64($0) }, status.map { .text($0.rawValue) },
            ],
            after: id.map { [.int64($0)] }, limit: limit)
    }
}
