// A moment on the time line, as the database keeps it: microseconds since 1970-01-01T00:00:00Z.
// It is a plain Int64, so that every rule is integer arithmetic and nothing depends on a calendar library.
// Callers may send any number: all arithmetic here is checked and answers nil where the range ends.

/// A moment in time: microseconds since the Unix epoch, as PostgreSQL's timestamptz can hold them.
public struct Instant: Sendable, Hashable, Comparable {
    /// Microseconds since the Unix epoch, negative before it.
    public let microsecondsSinceEpoch: Int64

    /// The moment that many microseconds after the Unix epoch.
    public init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// The moment that many seconds after the Unix epoch; nil where microseconds no longer fit in an Int64.
    public init?(secondsSinceEpoch: Int64) {
        let (microseconds, overflow) = secondsSinceEpoch.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return nil }
        self.microsecondsSinceEpoch = microseconds
    }

    /// A protobuf Timestamp's moment; nil when out of range or when a part of a microsecond would be lost.
    ///
    /// With `roundingDown` such a part is dropped instead: right for a filter, wrong for an appointment's start,
    /// which a nanosecond puts off the grid.
    public init?(secondsSinceEpoch: Int64, nanoseconds: Int32, roundingDown: Bool = false) {
        guard (0..<1_000_000_000).contains(nanoseconds) else { return nil }
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

    /// The nanoseconds of a protobuf Timestamp, beside `secondsSinceEpoch`.
    public var nanoseconds: Int32 {
        Int32(truncatingIfNeeded: microsecondOfSecond * 1_000)
    }

    /// The moment that many microseconds later; nil beyond the range of Int64.
    public func adding(microseconds: Int64) -> Instant? {
        let (sum, overflow) = microsecondsSinceEpoch.addingReportingOverflow(microseconds)
        return overflow ? nil : Instant(microsecondsSinceEpoch: sum)
    }

    /// The moment that many seconds later; nil beyond the range of Int64.
    public func adding(seconds: Int64) -> Instant? {
        let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : adding(microseconds: microseconds)
    }

    /// Microseconds from `earlier` to this moment; nil where the difference does not fit in an Int64.
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
