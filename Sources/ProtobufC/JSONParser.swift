// A strict JSON parser: no trailing commas, comments or duplicate names; bounded depth; numbers stay text.

/// Parses one JSON text.
struct JSONParser {
    private static let maximumDepth = 64
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// Parses a text that holds exactly one value.
    static func parse(_ text: String) throws(JSONDecodingError) -> JSONValue {
        var parser = JSONParser(bytes: Array(text.utf8))
        let value = try parser.value()
        parser.skipSpace()
        guard parser.current == nil else { throw parser.failure("unexpected text after the end") }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ problem: String) -> JSONDecodingError {
        let line = bytes[..<position].count { $0 == UInt8(ascii: "\n") } + 1
        return JSONDecodingError(path: "", problem: "not valid JSON in line \(line): \(problem)")
    }

    private mutating func skipSpace() {
        while let byte = current, " \t\r\n".utf8.contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONDecodingError) -> JSONValue {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try nested { parser throws(JSONDecodingError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(JSONDecodingError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .boolean(true))
        case UInt8(ascii: "f"): return try literal("false", .boolean(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ parse: (inout JSONParser) throws(JSONDecodingError) -> JSONValue
    ) throws(JSONDecodingError) -> JSONValue {
        guard depth < Self.maximumDepth else { throw failure("the text is nested too deep") }
        depth += 1
        position += 1
        defer { depth -= 1 }
        return try parse(&self)
    }

    private mutating func literal(_ word: String, _ value: JSONValue) throws(JSONDecodingError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("\(word) is misspelt") }
        position += word.utf8.count
        return value
    }

    private mutating func object() throws(JSONDecodingError) -> JSONValue {
        var members: [JSONValue.Member] = []
        // Bytes, because String takes two spellings of one character for the same name.
        var names: Set<[UInt8]> = []
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("a name in quotes is missing") }
            let name = try string()
            guard names.insert(Array(name.utf8)).inserted else {
                throw failure("the name \(name) occurs twice")
            }
            skipSpace()
            guard take(":") else { throw failure("a colon is missing after \(name)") }
            members.append(JSONValue.Member(name: name, value: try value()))
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("a comma or } is missing") }
        return .object(members)
    }

    private mutating func array() throws(JSONDecodingError) -> JSONValue {
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            elements.append(try value())
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("a comma or ] is missing") }
        return .array(elements)
    }

    private mutating func number() throws(JSONDecodingError) -> JSONValue {
        let start = position
        _ = take("-")
        let leading = position
        var isValid = digits() > 0
        if isValid, bytes[leading] == UInt8(ascii: "0"), position > leading + 1 { isValid = false }
        if take(".") { isValid = digits() > 0 && isValid }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            isValid = digits() > 0 && isValid
        }
        guard isValid else { throw failure("a value is missing or malformed") }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONDecodingError) -> String {
        var text: [UInt8] = []
        position += 1
        while let byte = current, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else {
                throw failure("a string contains a control character; write it as an escape")
            }
            position += 1
            if byte == UInt8(ascii: "\\") {
                text.append(contentsOf: UTF8.encode(try escape()).map(Array.init) ?? [])
            } else {
                text.append(byte)
            }
        }
        guard take("\"") else { throw failure("a quote is missing at the end of a string") }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func escape() throws(JSONDecodingError) -> Unicode.Scalar {
        guard let byte = current else { throw failure("the text ends inside a string") }
        position += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\", "/": return Unicode.Scalar(byte)
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u": return try unicodeEscape()
        default: throw failure("a string contains an unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(JSONDecodingError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // The low half of a surrogate pair must follow the high half.
        guard first < 0xdc00, take("\\"), take("u") else {
            throw failure("a string contains half a surrogate pair")
        }
        let second = try hexadecimal()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff))
        else { throw failure("a string contains half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONDecodingError) -> UInt32 {
        let digits = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
        guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16)
        else {
            throw failure("\\u needs four hexadecimal digits")
        }
        position += 4
        return value
    }
}
