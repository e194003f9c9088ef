// The header list of a request, checked by the rules for messages (RFC 9113, 8.2 and 8.3). A list that breaks them is malformed and
// ends its stream.

internal import HTTP
internal import NIOHPACK

extension HTTPRequestHead {
    /// Checks a header list; nil if it is malformed.
    convenience init?(_ list: HPACKHeaders) {
        var pseudo = PseudoFields()
        var fields: [HTTPField] = []
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
            fields.append(HTTPField(name, value))
        }
        guard let method = pseudo.method, pseudo.isComplete else { return nil }
        self.init(
            method: method, path: pseudo.path ?? "",
            authority: pseudo.authority ?? fields.first { $0.name == "host" }?.value, fields: fields,
            contentLength: contentLength)
    }

    /// Whether a header list may follow the body.
    static func areTrailers(_ list: HPACKHeaders) -> Bool {
        list.allSatisfy { name, value, _ in FieldRules.isAllowed(name, value) }
    }
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
