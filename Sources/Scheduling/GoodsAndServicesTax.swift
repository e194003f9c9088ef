// The tax on a fee in whole minor units, fee × basis points / 10000 rounded half up. The fee is split at 10 000
// first so that no product overflows Int64.

/// Why a price cannot be computed.
public enum PriceError: Error, Sendable, Hashable {
    /// A fee is below 0.
    case negativeFee
    /// The sum of fee and tax does not fit in an Int64.
    case overflow
}

/// A tax rate in basis points: 1000 is ten per cent.
public struct GSTRate: Sendable, Hashable {
    /// 0 to 10 000.
    public let basisPoints: Int64

    /// The default rate: 1000 basis points.
    public static let standard = GSTRate(unchecked: 1_000)
    /// The rate of a doctor whose services are free of GST.
    public static let free = GSTRate(unchecked: 0)

    /// A rate in basis points; nil outside 0 to 10 000.
    public init?(basisPoints: Int64) {
        guard (0...10_000).contains(basisPoints) else { return nil }
        self.basisPoints = basisPoints
    }

    /// The price for a fee in minor units.
    public func price(fee: Int64) throws(PriceError) -> Price {
        guard fee >= 0 else { throw .negativeFee }
        let (tenThousands, rest) = fee.quotientAndRemainder(dividingBy: 10_000)
        // The first term is at most `fee` and the second at most 10 000, so the sum fits.
        let gst = tenThousands * basisPoints + (rest * basisPoints + 5_000) / 10_000
        let (total, overflow) = fee.addingReportingOverflow(gst)
        guard !overflow else { throw .overflow }
        return Price(fee: fee, gst: gst, total: total)
    }

    private init(unchecked basisPoints: Int64) {
        self.basisPoints = basisPoints
    }
}

/// A fee with its tax, in minor units of the clinic's currency; `fee + gst == total`.
public struct Price: Sendable, Hashable {
    /// Without tax.
    public let fee: Int64
    /// The tax.
    public let gst: Int64
    /// With tax.
    public let total: Int64

    init(fee: Int64, gst: Int64, total: Int64) {
        self.fee = fee
        self.gst = gst
        self.total = total
    }
}
