// Parsing and formatting of durations, rates and shares. Both are in this file, so that a value from a report can be
// passed to an option.

public import ArgumentParser

extension Duration: @retroactive ExpressibleByArgument {
    /// Parses "500ms", "1.5s", "2m"; the units are us, ms, s, m and h. At most 1,000 days.
    public init?(argument: String) {
        let units: [(String, Double)] = [
            ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600),
        ]
        guard let (number, unit) = readNumber(argument), let factor = units.first(where: { $0.0 == unit })?.1,
            number * factor <= 86_400_000
        else { return nil }
        self = .nanoseconds(Int64((number * factor * 1e9).rounded()))
    }

    /// The form shown in help texts: in the largest unit that makes it a whole number, "1s" and "1500ms".
    public var defaultValueDescription: String {
        let units: [(Duration, String)] = [
            (.seconds(3600), "h"), (.seconds(60), "m"), (.seconds(1), "s"), (.milliseconds(1), "ms"),
        ]
        let unit = units.first { (self / $0.0).rounded() == self / $0.0 } ?? (.microseconds(1), "us")
        return decimal(self / unit.0, places: 0, isGrouped: false) + unit.1
    }

    /// The duration in seconds.
    var inSeconds: Double { self / .seconds(1) }

    /// The duration in microseconds, rounded; 0 if negative.
    var inMicroseconds: UInt64 { UInt64(max(0, (self / .microseconds(1)).rounded())) }

    /// "61.2 ms".
    var text: String { durationText(microseconds: self / .microseconds(1)) }
}

/// A rate in calls per second.
struct Rate: ExpressibleByArgument, Equatable {
    var perSecond: Double

    init(perSecond: Double) {
        self.perSecond = perSecond
    }

    /// Parses "2000/s", "10k/s", "2.5M/s"; "/s" is optional. At most 1,000 million.
    init?(argument: String) {
        let text = argument.hasSuffix("/s") ? argument.dropLast(2) : argument[...]
        let units: [(String, Double)] = [("", 1), ("k", 1e3), ("M", 1e6)]
        guard let (number, unit) = readNumber(text), let factor = units.first(where: { $0.0 == unit })?.1,
            number * factor <= 1e9
        else { return nil }
        perSecond = number * factor
    }

    /// "12,345/s".
    var text: String { significant(perSecond) + "/s" }
}

/// A fraction of a whole, where 1 is the whole.
struct Share: ExpressibleByArgument, Equatable {
    var fraction: Double

    init(_ fraction: Double) {
        self.fraction = fraction
    }

    /// The fraction `count / total`; 0 if the total is 0.
    init(_ count: UInt64, of total: UInt64) {
        fraction = total == 0 ? 0 : Double(count) / Double(total)
    }

    /// Parses "1%" and "0.5%"; values above "100%" are allowed, up to 1,000,000 %.
    init?(argument: String) {
        guard let (number, unit) = readNumber(argument), unit == "%", number <= 1e6 else { return nil }
        fraction = number / 100
    }

    /// "12.3 %".
    var text: String { significant(fraction * 100) + " %" }
}

/// Formats a duration with three digits: "850 µs", "61.2 ms", "1.25 s"; "-" if it is not finite.
func durationText(microseconds: Double) -> String {
    guard microseconds.isFinite, microseconds.magnitude < 1e18 else { return "-" }
    if microseconds < 999.5 { return decimal(microseconds, places: 0) + " µs" }
    if microseconds < 999_500 { return significant(microseconds / 1e3) + " ms" }
    return significant(microseconds / 1e6) + " s"
}

/// Formats whole microseconds.
func durationText(microseconds: UInt64) -> String {
    durationText(microseconds: Double(microseconds))
}

/// Formats a number of bytes: "12.3 MiB".
func bytesText(_ count: UInt64) -> String {
    var rest = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 1023.5 { return significant(rest) + " " + unit }
        rest /= 1024
    }
    return significant(rest) + " TiB"
}

/// Formats an integer with thousands separators: "12,345".
func countText(_ count: UInt64) -> String {
    let digits = Array(String(count))
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
        text.append(digit)
    }
    return text
}

/// Formats a number with three significant digits, or all digits before the point: "0.0123", "1.25", "61.2",
/// "12,345".
func significant(_ value: Double) -> String {
    let magnitude = value.magnitude
    let places =
        switch magnitude {
        case 99.95...: 0
        case 9.995..<99.95: 1
        case 0.9995..<9.995: 2
        case 0.09995..<0.9995: 3
        default: 4
        }
    let text = decimal(value, places: places)
    return magnitude < 0.9995 && places > 0 ? trimmed(text) : text
}

/// Formats a number rounded to `places` decimals, with thousands separators; "-" if it is not finite.
func decimal(_ value: Double, places: Int, isGrouped: Bool = true) -> String {
    var scale: UInt64 = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * Double(scale)).rounded()
    guard scaled < 1e18 else { return "-" }
    let number = UInt64(scaled)
    let sign = value < 0 && number > 0 ? "-" : ""
    let whole = sign + (isGrouped ? countText(number / scale) : String(number / scale))
    guard places > 0 else { return whole }
    let rest = String(number % scale)
    return whole + "." + String(repeating: "0", count: places - rest.count) + rest
}

/// Removes trailing zeros after the decimal point.
func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.hasSuffix("0"), text.contains(".") { text.removeLast() }
    return String(text.hasSuffix(".") ? text.dropLast() : text)
}

/// Parses an unsigned number at the start of a text and returns the rest as its unit; nil if there is none.
private func readNumber(_ text: some StringProtocol) -> (number: Double, unit: String)? {
    let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    guard digits.first != ".", digits.last != ".", let number = Double(String(digits)) else { return nil }
    return (number, String(text.dropFirst(digits.count)))
}
