// Rates, lengths of time and shares as people type them.

internal import Glibc

/// A text that is not the quantity that was asked for.
struct QuantityError: Error, CustomStringConvertible {
    let description: String
}

enum Quantity {
    /// Calls per second: `2000/s`, `2000`, `2.5k/s`, `600/m`; above 0.
    static func rate(_ text: some StringProtocol) throws(QuantityError) -> Double {
        let wrong = QuantityError(description: "a rate is a number above 0 such as 2000/s, 2.5k/s or 600/m")
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let perSecond: Double
        switch parts.count == 2 ? String(parts[1]) : "s" {
        case "s": perSecond = 1
        case "m", "min": perSecond = 60
        default: throw wrong
        }
        let isThousands = parts[0].hasSuffix("k")
        guard let number = number(isThousands ? parts[0].dropLast() : parts[0][...]), number > 0 else {
            throw wrong
        }
        let rate = number * (isThousands ? 1000 : 1) / perSecond
        guard rate <= 1e8 else { throw wrong }
        return rate
    }

    /// Seconds: `10`, `10s`, `500ms`, `250us`, `2m`, `1h`; 0 or above.
    static func seconds(_ text: some StringProtocol) throws(QuantityError) -> Double {
        let units: [(String, Double)] = [
            ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1), ("m", 60), ("h", 3600), ("", 1),
        ]
        let found = units.first { text.hasSuffix($0.0) } ?? ("", 1)
        guard let number = number(text.dropLast(found.0.count)), number * found.1 <= 31_536_000 else {
            throw QuantityError(description: "a time is a number of seconds, or has ms, s, m or h behind it")
        }
        return number * found.1
    }

    /// A part of the whole: `1%`, `0.01`; from 0 to 1.
    static func share(_ text: some StringProtocol) throws(QuantityError) -> Double {
        let isPercentage = text.hasSuffix("%")
        guard let number = number(isPercentage ? text.dropLast() : text[...]),
            case let share = isPercentage ? number / 100 : number, share <= 1
        else {
            throw QuantityError(description: "a share is a percentage such as 0.1%, or a number from 0 to 1")
        }
        return share
    }

    /// A decimal number that is not negative.
    static func number(_ text: some StringProtocol) -> Double? {
        guard let first = text.first, first.isASCII, first.isNumber,
            text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
        else { return nil }
        return Double(text)
    }

    /// Stages with commas between them: `1000/s:10s`, `ramp:100/s..5000/s:30s`, `spike:100/s..5000/s:30s`.
    static func stages(_ text: String) throws(QuantityError) -> [Stage] {
        var stages: [Stage] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            stages.append(try stage(part.filter { $0 != " " }))
        }
        return stages
    }

    private static func stage(_ text: String) throws(QuantityError) -> Stage {
        let wrong = QuantityError(
            description:
                "\(text): a stage is 1000/s:10s, ramp:100/s..5000/s:30s or spike:100/s..5000/s:30s")
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let kind = parts.count == 3 ? parts.removeFirst() : "steady"
        guard parts.count == 2 else { throw wrong }
        let seconds = try seconds(parts[1])
        guard seconds > 0 else { throw wrong }
        if kind == "steady" { return .steady(rate: try rate(parts[0]), seconds: seconds) }
        guard let dots = parts[0].firstRange(of: "..") else { throw wrong }
        let from = try rate(parts[0][..<dots.lowerBound])
        let to = try rate(parts[0][dots.upperBound...])
        switch kind {
        case "ramp": return .ramp(from: from, to: to, seconds: seconds)
        case "spike": return .spike(base: from, peak: to, seconds: seconds)
        default: throw wrong
        }
    }
}
