// The grammar of heads and chunks (RFC 9112, 2.2 to 7.1), on bytes.

internal import HTTP
internal import NIOCore

/// Reads the parts of a head.
enum HTTP1Syntax {
    static let lineEnd = Array("\r\n".utf8)
    static let headEnd = Array("\r\n\r\n".utf8)

    /// The lines of a head. A CR or LF alone ends no line, and is allowed in none.
    static func lines(_ bytes: ByteBufferView) throws(HTTP1Failure) -> [ArraySlice<UInt8>] {
        let all = Array(bytes)
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < all.count {
            switch all[index] {
            case UInt8(ascii: "\r"):
                guard index + 1 < all.count, all[index + 1] == UInt8(ascii: "\n") else {
                    throw .malformedHead
                }
                lines.append(all[start..<index])
                index += 2
                start = index
            case UInt8(ascii: "\n"), 0: throw .malformedHead
            default: index += 1
            }
        }
        lines.append(all[start...])
        return lines
    }

    /// A name and its value; nil for a line that is no field, such as one that continues the line before it.
    static func field(_ line: some Collection<UInt8>) -> HTTPField? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let name = token(line[..<colon]) else {
            return nil
        }
        let value = String(decoding: trimmed(line[line.index(after: colon)...]), as: UTF8.self)
        guard FieldRules.isValue(value) else { return nil }
        return HTTPField(name.lowercased(), value)
    }

    /// Bytes without blanks at their ends.
    static func trimmed(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        return Array(Array(bytes.drop(while: isBlank)).reversed().drop(while: isBlank).reversed())
    }

    static func token(_ bytes: some Collection<UInt8>) -> String? {
        !bytes.isEmpty && bytes.allSatisfy(isTokenByte) ? String(decoding: bytes, as: UTF8.self) : nil
    }

    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// The path of a request target with its query, and the authority of one in absolute form.
    static func target(_ bytes: some Collection<UInt8>) -> (path: String, authority: String?)? {
        guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("/") || text == "*" { return (text, nil) }
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            let path = rest[end...]
            guard end > rest.startIndex else { return nil }
            return (path.hasPrefix("/") ? String(path) : "/" + path, String(rest[..<end]))
        }
        return nil
    }

    /// The size in the line before a chunk; what follows a semicolon is ignored.
    static func chunkSize(_ line: [UInt8]) -> Int? {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
        let rest = trimmed(line.dropFirst(digits.count))
        guard (1...7).contains(digits.count), digits.allSatisfy(isHexadecimal),
            rest.isEmpty || rest[0] == UInt8(ascii: ";"),
            rest.allSatisfy({ $0 == 0x09 || (0x20...0x7E).contains($0) })
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
