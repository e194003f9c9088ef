// How a refund divides into fee and tax. A part's tax is half-up(amount × gst / total); the last part takes the
// remainder, so that the parts always sum to what was paid.

/// Why a refund cannot be made.
public enum RefundError: Error, Sendable, Hashable {
    /// The payment was returned in full before.
    case nothingLeft
    /// An amount must be above 0.
    case notPositive
    /// More was asked for than is left, in minor units.
    case moreThanLeft(left: Int64)
    /// The figures of the payment contradict each other (a negative one, a part larger than the whole).
    case inconsistentPayment
}

/// One refund, in minor units: `fee + gst = total`.
public struct Refund: Sendable, Hashable {
    /// The part of it that was fee.
    public let fee: Int64
    /// The part of it that was tax.
    public let gst: Int64
    /// What the patient gets.
    public let total: Int64
    /// Nothing of the payment is left after it.
    public let isFull: Bool
    /// Other refunds that come first leave its parts as they are, as long as each still fits into what is left of its
    /// side and something remains: its tax is the plain share, or one side is used up for good.
    public let holdsWhileItFits: Bool

    /// The refund of `amount` of a payment, or of all that is left of it when `amount` is nil.
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
        // Rounding many small parts the same way could take more tax, or more fee, than there is: neither side may
        // give more than it has left. When all is taken, these bounds are the remainder.
        let share = Refund.roundedHalfUp(wanted, times: gst, dividedBy: total)
        self.gst = max(wanted - feeLeft, min(share, gstLeft))
        self.fee = wanted - self.gst
        self.total = wanted
        isFull = wanted == left
        holdsWhileItFits = !isFull && (self.gst == share || feeLeft == 0 || gstLeft == 0)
    }

    /// half-up(amount × share / whole) for 0 ≤ share ≤ whole, amount ≥ 0, whole > 0, through 128 bits.
    private static func roundedHalfUp(_ amount: Int64, times share: Int64, dividedBy whole: Int64) -> Int64 {
        // The quotient is at most `amount`, because share ≤ whole: the division cannot overflow.
        let (quotient, remainder) = whole.dividingFullWidth(amount.multipliedFullWidth(by: share))
        return remainder >= whole - remainder ? quotient + 1 : quotient
    }
}
