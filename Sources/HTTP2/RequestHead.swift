// The header list of a request, checked by the rules for messages (RFC 9113, 8.2 and 8.3). A list that breaks them is malformed and
// ends its stream.

internal import NIOHPACK

/// The head of a request. The same object stands for equal heads that follow each other, so that what was derived from one can be kept.
package final class HTTP2RequestHead: Sendable {
    /// A field with its lower-case name.
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    /// Such as `POST`.
    package let method: String
    /// Such as `/grpc.health.v1.Health/Check`; empty for CONNECT.
    package let path: String
    /// The fields without pseudo-header fields, in order.
    package let fields: [Field]
    /// The announced length of the body in bytes, if any.
    package let contentLength: Int?

    /// Checks a header list; nil if it is malformed.
    init?(_ list: HPACKHeaders) {
        var pseudo = PseudoFields()
        var fields: [Field] = []
        var contentLength: Int?
        for (name, value, _) in list {
            if name.utf8.first == UInt8(ascii: ":") {
                guard fields.isEmpty, FieldRules.isValue(value), pseudo.add(name, value) else { return nil }
                continue
            }
            guard FieldRules.isAllowed(name, value) else { return nil }
            if name == "content-length" {
                guard let length = FieldRules.length(value), contentLength ?? length == length else {
                    return nil
                }
                contentLength = length
            }
            fields.append(Field(name: name, value: value))
        }
        guard let method = pseudo.method, pseudo.isComplete else { return nil }
        self.method = method
        path = pseudo.path ?? ""
        self.fields = fields
        self.contentLength = contentLength
    }

    /// Whether a header list may follow the body.
    static func areTrailers(_ list: HPACKHeaders) -> Bool {
        list.allSatisfy { name, value, _ in FieldRules.isAllowed(name, value) }
    }

    /// The first value of a field, whose name is lower-case.
    package func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// The pseudo-header fields of a request.
private struct PseudoFields {
    var method: String?
    var scheme: String?
    var path: String?
    var authority: String?

    /// Adds one; false for an unknown or repeated one.
    mutating func add(_ name: String, _ value: String) -> Bool {
        switch name {
        case ":method": Self.set(&method, value)
        case ":scheme": Self.set(&scheme, value)
        case ":path": Self.set(&path, value)
        case ":authority": Self.set(&authority, value)
        default: false
        }
    }

    /// CONNECT has neither a scheme nor a path, any other request has both.
    var isComplete: Bool {
        if method == "CONNECT" { return scheme == nil && path == nil && authority != nil }
        return method?.isEmpty == false && scheme?.isEmpty == false && path?.isEmpty == false
    }

    private static func set(_ field: inout String?, _ value: String) -> Bool {
        guard field == nil else { return false }
        field = value
        return true
    }
}

/// The rules for one field.
enum FieldRules {
    /// Fields that belong to a connection of HTTP/1.1.
    private static let ofConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
    ]

    static func isAllowed(_ name: String, _ value: String) -> Bool {
        guard isName(name), isValue(value), !ofConnection.contains(name) else { return false }
        return name != "te" || value.lowercased() == "trailers"
    }

    /// Whether a name is a lower-case token.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Whether a value has no NUL, CR or LF, and no blank at either end.
    static func isValue(_ value: String) -> Bool {
        let bytes = value.utf8
        guard let first = bytes.first, let last = bytes.last else { return true }
        guard !isBlank(first), !isBlank(last) else { return false }
        return bytes.allSatisfy { $0 != 0 && $0 != 0x0A && $0 != 0x0D }
    }

    /// The number in a content-length; nil if it is not one.
    static func length(_ value: String) -> Int? {
        guard !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(value)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
