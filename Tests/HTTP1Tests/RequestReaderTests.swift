// The grammar of HTTP/1.1: what is read, and what is refused because two readers could understand it differently.

import HTTP
import NIOCore
import Testing

@testable import HTTP1

/// Reads all of a text, so many bytes at a time, and says what was found in a few words.
private func read(_ text: String, step: Int = .max) -> [String] {
    var reader = HTTP1RequestReader()
    var found: [String] = []
    var body = ""
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: min(step, bytes.count)) {
        reader.append(ByteBuffer(bytes: bytes[start..<min(start + min(step, bytes.count), bytes.count)]))
        reading: while true {
            switch reader.next() {
            case .needsMoreBytes: break reading
            case .head(let request): found.append("\(request.head.method) \(request.head.path)")
            case .body(let part): body += String(buffer: part)
            case .end:
                found.append("body \(body)")
                body = ""
            case .failed(let failure): return found + ["\(failure.status) \(failure)"]
            }
        }
    }
    return found
}

struct RequestReaderTests {
    @Test(arguments: [1, 2, 3, 7, .max])
    func `requests are found in their order however the bytes are split`(_ step: Int) {
        let text =
            "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\r\n"
            + "POST /b HTTP/1.1\r\nhost:h\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1 \r\nf\r\n0\r\nT: v\r\n\r\n"
            + "GET http://h/c?d HTTP/1.0\r\n\r\n"
        #expect(
            read(text, step: step) == ["POST /a", "body abc", "POST /b", "body def", "GET /c?d", "body "])
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "malformedHead"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "malformedHead"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "malformedHead"), ("\u{1}", "malformedHead"),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "malformedHead"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "unknownVersion"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "ambiguousLength"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "ambiguousLength"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "ambiguousLength"
        ),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguousLength"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "unknownTransferCoding"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", "unknownTransferCoding"),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "unknownExpectation"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "malformedChunk"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "malformedChunk"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", "malformedChunk"),
    ])
    func `what is ambiguous or malformed is refused`(_ text: String, _ failure: String) {
        #expect(read(text).last?.hasSuffix(" \(failure)") == true, "\(read(text))")
        #expect(read(text, step: 1).last?.hasSuffix(" \(failure)") == true)
    }

    @Test func `heads, chunk lines and trailers are bounded in bytes`() {
        let long = String(repeating: "a", count: HTTP1Limits.headBytes)
        #expect(read("GET / HTTP/1.1\r\nHost: a\r\nX: \(long)").last == "431 headTooLong")
        #expect(read("GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n").last == "431 headTooLong")
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(read(chunked + "1;" + String(repeating: "x", count: 300)).last == "400 malformedChunk")
        let trailers = String(repeating: "T: \(String(repeating: "v", count: 100))\r\n", count: 200)
        #expect(read(chunked + "0\r\n" + trailers).last == "431 headTooLong")
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: keep-alive, close\r\n", false),
        ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ])
    func `the version and the client decide whether the connection is kept`(
        _ version: String, _ field: String, _ isKept: Bool
    ) throws {
        var reader = HTTP1RequestReader()
        reader.append(ByteBuffer(string: "GET / \(version)\r\nHost: a\r\n\(field)\r\n"))
        guard case .head(let request) = reader.next() else {
            Issue.record("no head")
            return
        }
        #expect(request.isKeptAlive == isKept)
    }

    @Test(arguments: [
        ("a", "a"), ("A:80", "a"), ("[::1]:7411", "::1"), ("127.0.0.1:1", "127.0.0.1"), ("", ""), ("ä", nil),
    ])
    func `the host of a request has no port`(_ authority: String, _ host: String?) {
        let head = HTTPRequestHead(
            method: "GET", path: "/", authority: authority, fields: [], contentLength: nil)
        #expect(head.host == host)
    }
}
