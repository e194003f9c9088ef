// The head of one request (RFC 9112, 2 to 6).

package import HTTP
internal import NIOCore

/// The most that a client may send.
package enum HTTP1Limits {
    /// The longest head, and the longest trailers, in bytes.
    package static let headBytes = 16 << 10
    /// The longest line before a chunk, with its extensions, in bytes.
    static let chunkLineBytes = 256
}

/// Why a request cannot be read; the connection ends behind the answer.
package enum HTTP1Failure: Error, Equatable {
    case malformedHead
    case malformedChunk
    case headTooLong
    case ambiguousLength
    case unknownTransferCoding
    case unknownExpectation
    case unknownVersion

    /// The status of the answer.
    package var status: Int {
        switch self {
        case .malformedHead, .malformedChunk, .ambiguousLength: 400
        case .headTooLong: 431
        case .unknownTransferCoding: 501
        case .unknownExpectation: 417
        case .unknownVersion: 505
        }
    }

    /// One line for a person.
    package var text: String {
        switch self {
        case .malformedHead: "the head of the request is malformed"
        case .malformedChunk: "a chunk of the body is malformed"
        case .headTooLong: "the head of the request has more than \(HTTP1Limits.headBytes) bytes"
        case .ambiguousLength: "the length of the body is ambiguous"
        case .unknownTransferCoding: "the only transfer coding here is chunked"
        case .unknownExpectation: "the only expectation here is 100-continue"
        case .unknownVersion: "this server speaks HTTP/1.1 and HTTP/2"
        }
    }
}

/// A request whose head is complete.
package struct HTTP1Request: Sendable {
    /// How the body ends.
    package enum Body: Sendable, Equatable {
        case none
        case length(Int)
        case chunks
    }

    package let head: HTTPRequestHead
    package let body: Body
    /// Whether the client sends HTTP/1.0, and so understands no chunks.
    package let isVersion10: Bool
    /// Whether another request may follow.
    package let isKeptAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool

    /// Reads a head without the empty line at its end.
    init(_ bytes: ByteBufferView) throws(HTTP1Failure) {
        var lines = try HTTP1Syntax.lines(bytes)[...]
        guard let first = lines.popFirst() else { throw .malformedHead }
        let parts = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, let method = HTTP1Syntax.token(parts[0]),
            let target = HTTP1Syntax.target(parts[1])
        else { throw .malformedHead }
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": isVersion10 = false
        case "HTTP/1.0": isVersion10 = true
        case let other: throw other.hasPrefix("HTTP/") ? .unknownVersion : .malformedHead
        }
        var fields: [HTTPField] = []
        for line in lines {
            guard let field = HTTP1Syntax.field(line) else { throw .malformedHead }
            fields.append(field)
        }
        let hosts = fields.filter { $0.name == "host" }
        guard hosts.count == 1 || (hosts.isEmpty && isVersion10) else { throw .malformedHead }
        body = try Self.body(fields, isVersion10: isVersion10)
        let options = Self.list(fields, "connection")
        isKeptAlive = isVersion10 ? options.contains("keep-alive") : !options.contains("close")
        let expectations = Self.list(fields, "expect")
        guard expectations.allSatisfy({ $0 == "100-continue" }) else { throw .unknownExpectation }
        expectsContinue = !expectations.isEmpty && !isVersion10
        let length: Int? = if case .length(let length) = body { length } else { nil }
        head = HTTPRequestHead(
            method: method, path: target.path, authority: target.authority ?? hosts.first?.value,
            fields: fields, contentLength: length)
    }

    /// How the body ends. A length beside chunks, and lengths that differ, are how requests are smuggled past a proxy.
    private static func body(_ fields: [HTTPField], isVersion10: Bool) throws(HTTP1Failure) -> Body {
        let codings = list(fields, "transfer-encoding")
        let lengths = fields.filter { $0.name == "content-length" }
        if fields.contains(where: { $0.name == "transfer-encoding" }) {
            guard lengths.isEmpty, !isVersion10 else { throw .ambiguousLength }
            guard codings == ["chunked"] else { throw .unknownTransferCoding }
            return .chunks
        }
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1, let length = FieldRules.length(first.value) else { throw .ambiguousLength }
        return .length(length)
    }

    /// The elements of all values of a field, in lower case.
    private static func list(_ fields: [HTTPField], _ name: String) -> [String] {
        fields.filter { $0.name == name }.flatMap { field in
            field.value.lowercased().utf8.split(separator: UInt8(ascii: ","))
                .map { String(decoding: HTTP1Syntax.trimmed($0), as: UTF8.self) }.filter { !$0.isEmpty }
        }
    }
}
