// Amounts of the old database, which kept them as floating point numbers.

/// An amount in cents.
struct MinorUnits: Equatable {
    /// The nearest whole number of cents, a half upwards; never negative.
    let rounded: Int64
    /// Whether the amount was a whole number of cents, and not negative.
    let isWhole: Bool

    /// The most whole units of the currency: amounts are below 10^12 cents.
    private static let mostDigits = 10

    /// Reads a decimal number such as `150`, `150.10` or `-0.5`; nil for anything else and for amounts out of range.
    init?(parsing text: String) {
        let isNegative = text.hasPrefix("-")
        let parts = (isNegative ? text.dropFirst() : text[...]).split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let units = parts.first, !units.isEmpty, units.utf8.count <= Self.mostDigits else { return nil }
        let fraction = parts.count == 2 ? Array(parts[1].utf8) : []
        let digits = Array(units.utf8) + fraction
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        func digit(_ place: Int) -> Int64 {
            place < fraction.count ? Int64(fraction[place] - UInt8(ascii: "0")) : 0
        }
        guard let whole = Int64(units) else { return nil }
        let cents = whole * 100 + digit(0) * 10 + digit(1)
        let rest = fraction.dropFirst(2)
        let isExact = rest.allSatisfy { $0 == UInt8(ascii: "0") }
        rounded = isNegative ? 0 : cents + (digit(2) >= 5 ? 1 : 0)
        isWhole = isExact && (!isNegative || cents == 0)
    }
}
