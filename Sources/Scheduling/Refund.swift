// Splits refunds into fee and tax. The tax of a partial refund is amount × gst / total rounded half up; the last
// refund takes the remainder, so that all refunds sum to the payment.

/// Why a refund cannot be made.
public enum RefundError: Error, Sendable, Hashable {
    /// The payment is already refunded in full.
    case nothingLeft
    /// The amount is not above 0.
    case notPositive
    /// The amount exceeds what is left of the payment, in minor units.
    case moreThanLeft(left: Int64)
    /// The payment's figures contradict each other: one is negative, or a part exceeds the whole.
    case inconsistentPayment
}

/// One refund, in minor units: `fee + gst = total`.
public struct Refund: Sendable, Hashable {
    /// The fee part.
    public let fee: Int64
    /// The tax part.
    public let gst: Int64
    /// The amount that the patient gets back.
    public let total: Int64
    /// Whether nothing of the payment is left after this refund.
    public let isFull: Bool
    /// Whether the split stays right if other refunds are recorded first, provided its fee and its tax still fit
    /// what is left and something remains. True when the tax is the exact rounded share, or when the fee or the tax
    /// is used up.
    public let hasStableSplit: Bool

    /// The refund of `amount`, or of everything left when `amount` is nil.
    ///
    /// - Parameters:
    ///   - amount: minor units, above 0.
    ///   - fee: the payment's fee.
    ///   - gst: the payment's tax.
    ///   - refundedFee: the fee returned by earlier refunds.
    ///   - refundedGST: the tax returned by earlier refunds.
    public init(
        of amount: Int64? = nil, fee: Int64, gst: Int64, refundedFee: Int64 = 0, refundedGST: Int64 = 0
    ) throws(RefundError) {
        let (total, overflow) = fee.addingReportingOverflow(gst)
        guard !overflow, fee >= 0, gst >= 0, (0...fee).contains(refundedFee), (0...gst).contains(refundedGST)
        else { throw .inconsistentPayment }
        let feeLeft = fee - refundedFee
        let gstLeft = gst - refundedGST
        let left = feeLeft + gstLeft
        guard left > 0 else { throw .nothingLeft }
        let wanted = amount ?? left
        guard wanted > 0 else { throw .notPositive }
        guard wanted <= left else { throw .moreThanLeft(left: left) }
        // Rounding many small refunds the same way could return more tax, or more fee, than is left, so both are
        // bounded by what is left. For a full refund the bounds give the remainder.
        let share = Refund.roundedHalfUp(wanted, times: gst, dividedBy: total)
        self.gst = max(wanted - feeLeft, min(share, gstLeft))
        self.fee = wanted - self.gst
        self.total = wanted
        isFull = wanted == left
        hasStableSplit = !isFull && (self.gst == share || feeLeft == 0 || gstLeft == 0)
    }

    /// amount × share / whole rounded half up, for 0 ≤ share ≤ whole, amount ≥ 0, whole > 0, computed in 128 bits.
    private static func roundedHalfUp(_ amount: Int64, times share: Int64, dividedBy whole: Int64) -> Int64 {
        // share ≤ whole keeps the quotient at or below `amount`, so the division cannot overflow.
        let (quotient, remainder) = whole.dividingFullWidth(amount.multipliedFullWidth(by: share))
        return remainder >= whole - remainder ? quotient + 1 : quotient
    }
}
