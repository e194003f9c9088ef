// The head of a request and of a response as HTTP/1.1 and HTTP/2 have them in common (RFC 9110).

/// A field with its lower-case name.
package struct HTTPField: Sendable, Equatable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The head of a request. The same object stands for equal heads that follow each other, so that what was derived from one can be kept.
package final class HTTPRequestHead: Sendable {
    /// Such as `POST`.
    package let method: String
    /// Such as `/grpc.health.v1.Health/Check`, with its query; empty for CONNECT.
    package let path: String
    /// The host that the client asks for, with its port if it gave one.
    package let authority: String?
    /// The fields without pseudo-header fields, in order.
    package let fields: [HTTPField]
    /// The announced length of the body in bytes, if any.
    package let contentLength: Int?

    package init(method: String, path: String, authority: String?, fields: [HTTPField], contentLength: Int?) {
        self.method = method
        self.path = path
        self.authority = authority
        self.fields = fields
        self.contentLength = contentLength
    }

    /// The first value of a field, whose name is lower-case; `?` for one that is not ASCII, since comparing other texts normalises
    /// them, which can take quadratic time.
    package func first(_ name: String) -> String? {
        guard let value = fields.first(where: { $0.name == name })?.value else { return nil }
        return value.utf8.allSatisfy { $0 < 0x80 } ? value : "?"
    }

    /// The host that the client asks for, in lower case and without a port; nil if there is none or it is no name or address.
    package var host: String? {
        guard let authority, authority.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let text = authority.lowercased()
        if text.hasPrefix("[") {
            return text.firstIndex(of: "]").map { String(text[text.index(after: text.startIndex)..<$0]) }
        }
        return String(text.prefix { $0 != ":" })
    }
}

/// The head of a response.
package struct HTTPResponseHead: Sendable, Equatable {
    package var status: Int
    /// The fields in order, with lower-case names.
    package var fields: [HTTPField]

    package init(_ status: Int, _ fields: [HTTPField]) {
        self.status = status
        self.fields = fields
    }
}
