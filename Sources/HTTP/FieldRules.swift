// The rules for the names and values of fields, which HTTP/1.1 and HTTP/2 share (RFC 9110, 5), and those that HTTP/2 adds.

/// The rules for one field.
package enum FieldRules {
    /// Fields that belong to a connection of HTTP/1.1.
    private static let ofConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
    ]

    package static func isAllowed(_ name: String, _ value: String) -> Bool {
        guard isName(name), isValue(value), !ofConnection.contains(name) else { return false }
        return name != "te" || value.lowercased() == "trailers"
    }

    /// Whether a name is a lower-case token.
    package static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Whether a value has no NUL, CR or LF, and no blank at either end.
    package static func isValue(_ value: String) -> Bool {
        let bytes = value.utf8
        guard let first = bytes.first, let last = bytes.last else { return true }
        guard !isBlank(first), !isBlank(last) else { return false }
        return bytes.allSatisfy { $0 != 0 && $0 != 0x0A && $0 != 0x0D }
    }

    /// The number in a content-length; nil if it is not one.
    package static func length(_ value: String) -> Int? {
        guard !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(value)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
