// Reads fixed-width decimal fields out of a text, byte by byte. The strict formats of the clinic (dates, hours,
// local times) all are such fields with fixed separators, and Int(String) would let signs and other digits pass.

/// A cursor over a text's UTF-8 bytes that takes ASCII digits and separators only.
struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Takes exactly that many ASCII digits; nil when they are not there. At most 18 digits fit.
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

    /// Takes one separator; false when another byte or the end is there.
    mutating func skip(_ separator: Unicode.Scalar) -> Bool {
        guard let byte = rest.popFirst() else { return false }
        return UInt32(byte) == separator.value
    }
}
