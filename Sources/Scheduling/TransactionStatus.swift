// The states of a payment and the only table of allowed transitions.
//
//  PENDING → PAID → PARTIALLY_REFUNDED → REFUNDED      PENDING → FAILED      PAID, PARTIALLY_REFUNDED → VOIDED

/// The state of a payment; the raw value is its text in the database.
public enum TransactionStatus: String, Sendable, Hashable, CaseIterable {
    /// Started, not settled.
    case pending = "PENDING"
    /// Settled in full.
    case paid = "PAID"
    /// Refunded in part.
    case partiallyRefunded = "PARTIALLY_REFUNDED"
    /// Refunded in full.
    case refunded = "REFUNDED"
    /// Could not be settled.
    case failed = "FAILED"
    /// Deleted: the remainder was reversed in the ledger.
    case voided = "VOIDED"

    /// The label shown to people.
    public var label: String {
        switch self {
        case .pending: "Pending"
        case .paid: "Paid"
        case .partiallyRefunded: "Partially refunded"
        case .refunded: "Refunded"
        case .failed: "Failed"
        case .voided: "Voided"
        }
    }

    /// Whether the payment counts as the booking's current one; a booking has at most one.
    public var isLive: Bool {
        switch self {
        case .pending, .paid, .partiallyRefunded: true
        case .refunded, .failed, .voided: false
        }
    }

    /// Whether some of the payment can still be refunded.
    public var isRefundable: Bool {
        switch self {
        case .paid, .partiallyRefunded: true
        case .pending, .refunded, .failed, .voided: false
        }
    }

    /// Whether the transition to `target` is allowed; a second partial refund keeps the status.
    public func mayBecome(_ target: TransactionStatus) -> Bool {
        switch (self, target) {
        case (.pending, .paid), (.pending, .failed): true
        case (.paid, .partiallyRefunded), (.partiallyRefunded, .partiallyRefunded): true
        case (.paid, .refunded), (.partiallyRefunded, .refunded): true
        case (.paid, .voided), (.partiallyRefunded, .voided): true
        default: false
        }
    }

    /// The status after a refund; nil if the payment is not refundable.
    public func afterRefund(isFull: Bool) -> TransactionStatus? {
        guard isRefundable else { return nil }
        return isFull ? .refunded : .partiallyRefunded
    }

    /// The effect of deleting a transaction in this status.
    public var deletion: TransactionDeletion {
        switch self {
        case .refunded, .failed, .voided: .hide
        case .paid, .partiallyRefunded: .reverseAndVoid
        case .pending: .refused
        }
    }
}

/// The effect of deleting a transaction. Ledger entries are never erased.
public enum TransactionDeletion: Sendable, Hashable {
    /// Only hides the row.
    case hide
    /// Reverses the remainder in the ledger, sets VOIDED and hides the row.
    case reverseAndVoid
    /// Deletion is refused: the payment must be settled first.
    case refused
}
