// A point in time as the database stores it: microseconds since 1970-01-01T00:00:00Z. It wraps an Int64, so that
// every rule is integer arithmetic without a calendar library. The number may come from a caller, so all arithmetic
// is checked and returns nil on overflow.

/// A point in time: microseconds since the Unix epoch, like PostgreSQL's timestamptz.
public struct Instant: Sendable, Hashable, Comparable {
    /// Microseconds since the Unix epoch, negative before it.
    public let microsecondsSinceEpoch: Int64

    /// The instant this many microseconds after the Unix epoch.
    public init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// The instant this many seconds after the Unix epoch; nil if its microseconds overflow an Int64.
    public init?(secondsSinceEpoch: Int64) {
        let (microseconds, overflow) = secondsSinceEpoch.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return nil }
        self.microsecondsSinceEpoch = microseconds
    }

    /// The first and the last second of the years 1 to 9999 in UTC, which are a protobuf Timestamp's.
    static let calendarSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    /// The instant of a protobuf Timestamp; nil outside the years 1 to 9999 or if it is finer than a microsecond.
    ///
    /// `roundingDown` drops the fraction of a microsecond instead. Use it for filters, not for the start of an
    /// appointment, which one nanosecond moves off the grid.
    public init?(secondsSinceEpoch: Int64, nanoseconds: Int32, roundingDown: Bool = false) {
        guard Self.calendarSeconds.contains(secondsSinceEpoch), (0..<1_000_000_000).contains(nanoseconds)
        else { return nil }
        guard roundingDown || nanoseconds % 1_000 == 0 else { return nil }
        guard let whole = Instant(secondsSinceEpoch: secondsSinceEpoch),
            let exact = whole.adding(microseconds: Int64(nanoseconds / 1_000))
        else { return nil }
        self = exact
    }

    /// Whole seconds since the Unix epoch, rounded toward the past.
    public var secondsSinceEpoch: Int64 {
        microsecondsSinceEpoch.dividedRoundingDown(by: 1_000_000).quotient
    }

    /// The microseconds after `secondsSinceEpoch`: 0 to 999 999.
    public var microsecondOfSecond: Int64 {
        microsecondsSinceEpoch.dividedRoundingDown(by: 1_000_000).remainder
    }

    /// The nanoseconds of a protobuf Timestamp whose seconds are `secondsSinceEpoch`.
    public var nanoseconds: Int32 {
        Int32(truncatingIfNeeded: microsecondOfSecond * 1_000)
    }

    /// The instant this many microseconds later; nil if it overflows an Int64.
    public func adding(microseconds: Int64) -> Instant? {
        let (sum, overflow) = microsecondsSinceEpoch.addingReportingOverflow(microseconds)
        return overflow ? nil : Instant(microsecondsSinceEpoch: sum)
    }

    /// The instant this many seconds later; nil if it overflows an Int64.
    public func adding(seconds: Int64) -> Instant? {
        let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : adding(microseconds: microseconds)
    }

    /// Microseconds from `earlier` to this instant; nil if the difference overflows an Int64.
    public func microseconds(since earlier: Instant) -> Int64? {
        let (difference, overflow) = microsecondsSinceEpoch.subtractingReportingOverflow(
            earlier.microsecondsSinceEpoch)
        return overflow ? nil : difference
    }

    /// Earlier before later.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }
}

extension Int64 {
    /// Quotient rounded toward negative infinity and a remainder of 0 ..< divisor, for a divisor above 0.
    func dividedRoundingDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
