// Payments in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes transactions.
public struct TransactionStore: Sendable {
    private let database: Database

    /// Transactions of this database.
    public init(database: Database) { self.database = database }

    private static let pay = Mutation<TransactionRecord>(
        "pay_bookings", isBatched: true, sharedParameters: 2, parameterCount: 4,
        locks: LockedParameters(booking: 0, owner: 1))
    private static let refund = Mutation<TransactionRecord>(
        "refund_transaction", parameterCount: 6,
        locks: LockedParameters(transaction: 0))
    private static let delete = Mutation<TransactionRecord>(
        "delete_transaction", parameterCount: 2,
        locks: LockedParameters(transaction: 0))

    /// Settles a booking at its price. Refused with `bookingNotFound`, `notPayable`, `alreadyPaid`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func pay(bookingID: Int64, ownerID: Int64?, context: RequestContext) async throws
        -> TransactionRecord
    {
        try await Self.pay.run(
            on: database, context,
            [
                .int64(bookingID), .int64(ownerID),
                .statuses(BookingStatus.allCases.filter { $0.afterPayment != nil }),
                .statuses(BookingStatus.allCases.filter { $0.afterPayment == .confirmed }),
            ])
    }

    /// What of a payment there is to give back, with the version a decision about it is made on.
    public struct Balance: Sendable {
        /// The transaction's number.
        public let id: Int64
        /// The transaction's version.
        public let version: Int64
        /// Where it stands.
        public let status: TransactionStatus
        /// Fee and tax that were paid, in minor units.
        public let fee, gst: Int64
        /// Fee and tax that were given back so far, in minor units.
        public let refundedFee, refundedGST: Int64
    }

    private static let balance = Statement(
        """
        select id, version, status, fee, gst, refunded_amount - refunded_gst, refunded_gst
        from clinic.transaction where id = $1 and hidden_at is null
        """)

    /// The balance of a transaction. Refused with `transactionNotFound`.
    public func balance(of id: Int64, for context: RequestContext) async throws -> Balance {
        guard var row = try await database.read(Self.balance, [.int64(id)], for: context).first else {
            throw Refusal(.transactionNotFound, id: id)
        }
        return Balance(
            id: try row.int64(), version: try row.int64(), status: try row.value(TransactionStatus.self),
            fee: try row.int64(), gst: try row.int64(), refundedFee: try row.int64(),
            refundedGST: try row.int64())
    }

    /// Gives back a part or the rest, as decided on a balance; `status` is where the transaction stands afterwards.
    ///
    /// Refused with `transactionNotFound`, and with `staleVersion` when the balance is another one by now and the
    /// decision does not hold on it.
    public func refund(
        _ refund: Refund, of balance: Balance, leaving status: TransactionStatus, context: RequestContext
    ) async throws -> TransactionRecord {
        let cancelled =
            refund.isFull ? BookingStatus.allCases.filter { $0.afterFullRefund == .cancelled } : []
        return try await Self.refund.run(
            on: database, context,
            [
                .int64(balance.id), .int64(refund.hasStableSplit ? nil : balance.version),
                .int64(refund.fee), .int64(refund.gst),
                .text(status.rawValue), .statuses(cancelled),
            ])
    }

    private static let replay = Replay<TransactionRecord>("transaction_view")

    /// What the context's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to context: RequestContext) async throws -> TransactionRecord? {
        try await Self.replay.run(on: database, context)
    }

    /// Hides a transaction, reversed first if it is still paid. Refused with `transactionNotFound`,
    /// `transactionPending`.
    public func delete(_ id: Int64, context: RequestContext) async throws {
        _ = try await Self.delete.run(
            on: database, context,
            [.int64(id), .statuses(BookingStatus.allCases.filter { $0.afterVoid == .booked })])
    }

    private static let one = Statement(
        "select \(TransactionRecord.columnList()) from transaction_view where id = $1 and ($2::bigint is null or user_id = $2)"
    )
    private static let receipt = Statement(
        "select \(ReceiptRecord.columnList()) from receipt_view where id = $1 and ($2::bigint is null or user_id = $2)"
    )

    /// A transaction. Refused with `transactionNotFound`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func get(_ id: Int64, ownerID: Int64?) -> Query<TransactionRecord> {
        Query(database, Self.one, [.int64(id), .int64(ownerID)], orRefused: .transactionNotFound)
    }

    /// The receipt of a transaction that was paid. Refused with `transactionNotFound`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func receipt(_ id: Int64, ownerID: Int64?) -> Query<ReceiptRecord> {
        Query(database, Self.receipt, [.int64(id), .int64(ownerID)], orRefused: .transactionNotFound)
    }

    private static let transactions = Listing<TransactionRecord>(
        "transaction_view", filters: ["user_id = ?", "booking_id = ?", .isOneOf("status")], order: ["id"],
        owner: 0)

    /// Transactions by id; every filter that is nil or empty is left out.
    public func list(
        userID: Int64?, bookingID: Int64?, statuses: Set<TransactionStatus>, after id: Int64?, limit: Int64
    ) -> Query<[TransactionRecord]> {
        Self.transactions.page(
            from: database,
            filters: [
                userID.map { .int64($0) }, bookingID.map { .int64($0) },
                statuses.isEmpty ? nil : .oneOf(statuses.map(\.rawValue)),
            ],
            after: id.map { [.int64($0)] }, limit: limit)
    }
}
