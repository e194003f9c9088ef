// The states of a payment and the one table of its changes.
//
//  PENDING → PAID → PARTIALLY_REFUNDED → REFUNDED      PENDING → FAILED      PAID, PARTIALLY_REFUNDED → VOIDED

/// The state of a payment; the raw value is its text in the database.
public enum TransactionStatus: String, Sendable, Hashable, CaseIterable {
    /// Begun, not settled.
    case pending = "PENDING"
    /// Settled in full.
    case paid = "PAID"
    /// A part was returned.
    case partiallyRefunded = "PARTIALLY_REFUNDED"
    /// All was returned.
    case refunded = "REFUNDED"
    /// Never settled.
    case failed = "FAILED"
    /// Deleted: what was left of it was reversed.
    case voided = "VOIDED"

    /// The word people read.
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

    /// A booking has at most one transaction in such a state.
    public var isLive: Bool {
        switch self {
        case .pending, .paid, .partiallyRefunded: true
        case .refunded, .failed, .voided: false
        }
    }

    /// Some of the money is still the clinic's to return.
    public var isRefundable: Bool {
        switch self {
        case .paid, .partiallyRefunded: true
        case .pending, .refunded, .failed, .voided: false
        }
    }

    /// Whether a payment may move from this state to `target`; a second partial refund stays where it is.
    public func mayBecome(_ target: TransactionStatus) -> Bool {
        switch (self, target) {
        case (.pending, .paid), (.pending, .failed): true
        case (.paid, .partiallyRefunded), (.partiallyRefunded, .partiallyRefunded): true
        case (.paid, .refunded), (.partiallyRefunded, .refunded): true
        case (.paid, .voided), (.partiallyRefunded, .voided): true
        default: false
        }
    }

    /// The state after a refund; nil when there is nothing to return.
    public func afterRefund(isFull: Bool) -> TransactionStatus? {
        guard isRefundable else { return nil }
        return isFull ? .refunded : .partiallyRefunded
    }

    /// What deleting a transaction in this state does.
    public var deletion: TransactionDeletion {
        switch self {
        case .refunded, .failed, .voided: .hide
        case .paid, .partiallyRefunded: .reverseAndVoid
        case .pending: .refused
        }
    }
}

/// What deleting a transaction does; nothing about money is ever erased.
public enum TransactionDeletion: Sendable, Hashable {
    /// The row is hidden, no more.
    case hide
    /// What is left is reversed in the ledger, the status becomes VOIDED, and the row is hidden.
    case reverseAndVoid
    /// It is not settled yet and must be first.
    case refused
}
