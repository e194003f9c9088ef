// The tax on a fee in whole minor units, fee × basis points / 10000 rounded half up.

/// Why a price cannot be computed.
public enum PriceError: Error, Sendable, Hashable {
    /// A fee is below 0.
    case negativeFee
    /// A fee is above `GSTRate.maximumFee`.
    case feeTooLarge
}

/// A tax rate in basis points: 1000 is ten per cent.
public struct GSTRate: Sendable, Hashable {
    /// 0 to 10 000.
    public let basisPoints: Int64

    /// The greatest fee in minor units. Eight million payments of it and of its tax still have a sum in an Int64.
    public static let maximumFee: Int64 = 1_000_000_000_000
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
        guard fee <= Self.maximumFee else { throw .feeTooLarge }
        let gst = (fee * basisPoints + 5_000) / 10_000
        return Price(fee: fee, gst: gst, total: fee + gst)
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

    /// A price that was agreed before; nil for a negative part, or a total that is too large.
    public init?(fee: Int64, gst: Int64) {
        let (total, overflow) = fee.addingReportingOverflow(gst)
        guard fee >= 0, gst >= 0, !overflow else { return nil }
        self.init(fee: fee, gst: gst, total: total)
    }

    init(fee: Int64, gst: Int64, total: Int64) {
        self.fee = fee
        self.gst = gst
        self.total = total
    }
}
