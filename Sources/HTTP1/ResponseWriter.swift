// Writes responses (RFC 9112): a head, and a body of a known length, in chunks, or up to the end of the connection.

package import HTTP
package import NIOCore

/// How the body of a response ends.
package enum HTTP1BodyEnd: Equatable {
    case length(Int)
    case chunks
    /// With the connection, for clients of HTTP/1.0.
    case connection
    /// The response has no body by its status.
    case none
}

extension ByteBuffer {
    /// Appends a head.
    package mutating func writeHTTP1Head(_ head: HTTPResponseHead, _ end: HTTP1BodyEnd, isLast: Bool) {
        writeString("HTTP/1.1 \(head.status) \(reasonPhrase(head.status))\r\n")
        for field in head.fields { writeString("\(field.name): \(field.value)\r\n") }
        switch end {
        case .length(let length): writeString("content-length: \(length)\r\n")
        case .chunks: writeString("transfer-encoding: chunked\r\n")
        case .connection, .none: break
        }
        writeString(isLast ? "connection: close\r\n\r\n" : "\r\n")
    }

    /// Appends a chunk; an empty one would end the body, so nothing is written for it.
    package mutating func writeHTTP1Chunk(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        writeString(String(bytes.readableBytes, radix: 16) + "\r\n")
        writeImmutableBuffer(bytes)
        writeString("\r\n")
    }

    /// Appends the end of a body in chunks.
    package mutating func writeHTTP1LastChunk() { writeString("0\r\n\r\n") }

    /// Appends what a client waits for before it sends its body.
    package mutating func writeHTTP1Continue() { writeString("HTTP/1.1 100 Continue\r\n\r\n") }
}

/// The usual phrase of a status, for people who read the bytes.
private func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 204: "No Content"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 499: "Client Closed Request"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Unknown"
    }
}
