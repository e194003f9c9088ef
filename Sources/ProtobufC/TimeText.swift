// Timestamps and durations in proto3's JSON mapping. Gregorian arithmetic in UTC suffices, so this layer needs no
// calendar library.

/// RFC 3339 text of a timestamp in the years 1 to 9999.
enum TimestampText {
    /// The first and the last second that the text can express, since the Unix epoch.
    private static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
    /// Days from 1 March of the year 0 to 1 January of the year 1. A year that begins in March ends with the leap
    /// day.
    private static let daysBeforeYearOne = 306

    /// The text in UTC with 0, 3, 6 or 9 digits after the seconds; nil outside the range.
    static func text(_ seconds: Int64, _ nanos: Int) -> String? {
        guard range.contains(seconds), (0..<1_000_000_000).contains(nanos) else { return nil }
        let total = Int(seconds - range.lowerBound)
        let (year, month, day) = date(total / 86_400 + daysBeforeYearOne)
        let clock = [total % 86_400 / 3600, total % 3600 / 60, total % 60]
        return Digits.text(year, 4) + "-" + Digits.text(month, 2) + "-" + Digits.text(day, 2) + "T"
            + clock.map { Digits.text($0, 2) }.joined(separator: ":") + Digits.fraction(nanos) + "Z"
    }

    /// Parses seconds and nanoseconds from a text with any UTC offset; nil if it is malformed or out of range.
    static func parse(_ text: String) -> (Int64, Int)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = Digits.value(bytes[0..<4]), let month = Digits.value(bytes[5..<7]),
            let day = Digits.value(bytes[8..<10]), let hour = Digits.value(bytes[11..<13]),
            let minute = Digits.value(bytes[14..<16]), let second = Digits.value(bytes[17..<19]),
            year >= 1, hour < 24, minute < 60, second < 60, let days = days(year, month, day),
            let (nanos, zone) = Digits.nanos(bytes[19...]), let offset = offset(zone)
        else { return nil }
        let total = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        let seconds = Int64(total) + range.lowerBound
        return range.contains(seconds) ? (seconds, nanos) : nil
    }

    /// The offset from UTC in seconds that `Z` or `+10:00` denotes.
    private static func offset(_ zone: ArraySlice<UInt8>) -> Int? {
        if zone.elementsEqual("Z".utf8) { return 0 }
        let bytes = Array(zone)
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"), let hours = Digits.value(bytes[1..<3]),
            let minutes = Digits.value(bytes[4..<6]), hours < 24, minutes < 60
        else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }

    /// Year, month and day this many days after 1 March of the year 0.
    private static func date(_ days: Int) -> (Int, Int, Int) {
        let century = days / 146_097
        let inEra = days % 146_097
        let yearInEra = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365
        let dayOfYear = inEra - (365 * yearInEra + yearInEra / 4 - yearInEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearInEra + century * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// Days since 1 January of the year 1; nil if the calendar has no such day.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        let marchYear = month <= 2 ? year - 1 : year
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let count =
            365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400
            + (153 * monthFromMarch + 2) / 5 + day - 1
        // The 31st of a 30-day month maps back to the first of the next month.
        return date(count) == (year, month, day) ? count - daysBeforeYearOne : nil
    }
}

/// A duration such as `1.5s`.
enum DurationText {
    private static let maximum: Int64 = 315_576_000_000

    /// The text with 0, 3, 6 or 9 digits after the seconds; nil if the signs of seconds and nanoseconds differ or
    /// the duration is out of range.
    static func text(_ seconds: Int64, _ nanos: Int) -> String? {
        guard (-maximum...maximum).contains(seconds), (-999_999_999...999_999_999).contains(nanos),
            seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
        else { return nil }
        let sign = seconds < 0 || nanos < 0 ? "-" : ""
        return sign + String(seconds.magnitude) + Digits.fraction(abs(nanos)) + "s"
    }

    /// Parses seconds and nanoseconds; nil if the text is malformed.
    static func parse(_ text: String) -> (Int64, Int)? {
        var bytes = Array(text.utf8)[...]
        guard bytes.popLast() == UInt8(ascii: "s") else { return nil }
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes.removeFirst() }
        let whole = bytes.prefix { $0 != UInt8(ascii: ".") }
        guard whole.count <= 12, let seconds = Digits.value(whole), seconds <= maximum,
            let (nanos, rest) = Digits.nanos(bytes[whole.endIndex...]), rest.isEmpty
        else { return nil }
        return isNegative ? (Int64(-seconds), -nanos) : (Int64(seconds), nanos)
    }
}

/// Conversions between numbers and decimal digits.
private enum Digits {
    /// The number, padded with zeros to `width` digits.
    static func text(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The fraction of nanoseconds: nothing, or a point and 3, 6 or 9 digits.
    static func fraction(_ nanos: Int) -> String {
        if nanos == 0 { return "" }
        if nanos % 1_000_000 == 0 { return "." + text(nanos / 1_000_000, 3) }
        return nanos % 1000 == 0 ? "." + text(nanos / 1000, 6) : "." + text(nanos, 9)
    }

    /// The value of up to 18 digits; nil if empty or if another character is among them.
    static func value(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }

    /// Parses an optional point with up to nine digits; returns the nanoseconds and the remaining bytes.
    static func nanos(_ bytes: ArraySlice<UInt8>) -> (Int, ArraySlice<UInt8>)? {
        guard bytes.first == UInt8(ascii: ".") else { return (0, bytes) }
        let digits = bytes.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard digits.count <= 9, let number = value(digits) else { return nil }
        let scale = (digits.count..<9).reduce(1) { scale, _ in scale * 10 }
        return (number * scale, bytes[digits.endIndex...])
    }
}
