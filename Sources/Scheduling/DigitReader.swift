// Reads fixed-width decimal fields. Dates, hours and local times are such fields with fixed separators, and
// `Int(String)` would also accept signs.

/// A cursor over a text's UTF-8 bytes that takes ASCII digits and separators only.
struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Takes exactly `digits` ASCII digits, at most 18; nil if they are not there.
    mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let byte = rest.popFirst(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                return nil
            }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Takes one separator; false if the next byte is another one or there is none.
    mutating func skip(_ separator: Unicode.Scalar) -> Bool {
        guard let byte = rest.popFirst() else { return false }
        return UInt32(byte) == separator.value
    }
}
