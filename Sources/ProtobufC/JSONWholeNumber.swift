// Whole numbers in JSON. The digits are read as text, because a Double tells integers apart only up to 2^53.

/// Why a JSON number is not an integer of the expected type.
enum JSONWholeNumberError: Error {
    case hasFraction, isOutOfRange
}

extension FixedWidthInteger {
    /// The integer that a number of JSON's grammar denotes exactly: `300`, `300.0` and `3e2` are the same one.
    init(jsonNumber text: String) throws(JSONWholeNumberError) {
        let parts = text.utf8.split(maxSplits: 1) { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        let mantissa = parts[0].split(separator: UInt8(ascii: "."), maxSplits: 1)
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let fraction = mantissa.dropFirst().first ?? Substring().utf8
        let allDigits = Array(mantissa[0].drop { $0 == UInt8(ascii: "-") }) + Array(fraction)
        let digits = allDigits.drop { $0 == UInt8(ascii: "0") }
        let trailingZeros = digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
        guard digits.count > 0 else {
            self = 0
            return
        }
        // The power of ten of the last digit that is not zero. An exponent beyond Int's range is clamped far outside
        // what digits could make up for.
        let written = parts.dropFirst().first.map { Self.exponent(String(Substring($0))) } ?? 0
        let exponent = written - fraction.count + trailingZeros
        guard exponent >= 0 else { throw .hasFraction }
        let significant = digits.dropLast(trailingZeros)
        guard significant.count + exponent <= 20,
            let value = Self(
                (isNegative ? "-" : "") + String(decoding: significant, as: UTF8.self)
                    + String(repeating: "0", count: exponent))
        else { throw .isOutOfRange }
        self = value
    }

    private static func exponent(_ text: String) -> Int {
        Int(text) ?? (text.hasPrefix("-") ? -(1 << 40) : 1 << 40)
    }
}
