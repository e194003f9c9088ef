// Connect and gRPC-Web over HTTP/1.1: JSON in both directions, failures, streams, GET, and the rules of the connection.

import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TestMessages
import TestRPC
import Testing

@testable import GRPC
@testable import RPC

struct ConnectTests {
    private let check = "/grpc.health.v1.Health/Check"
    private let count = "/\(FourKindsServiceMethods.count.service)/Count"
    private let echo = "/\(FourKindsServiceMethods.echo.service)/Echo"
    private let gate = "/test.v1.TestService/WaitAtGate"

    @Test func `a call with JSON is answered with JSON, and the connection is kept`() throws {
        let peer = try HTTP1Peer()
        for _ in 0..<2 {
            let answer = try peer.call(check, "{}")
            #expect(answer.status == 200)
            #expect(answer.body == #"{"status":"SERVING"}"#)
            #expect(answer.fields["content-type"] == "application/json")
            #expect(answer.fields["cache-control"] == "no-store")
            #expect(answer.fields["connection"] == nil)
        }
        #expect(peer.isOpen)
    }

    @Test func `a call with protobuf is answered with protobuf`() throws {
        let peer = try HTTP1Peer()
        let answer = try peer.ask(
            "POST", check, ["Content-Type: application/proto"], HealthCheckRequest().encoded())
        #expect(answer.status == 200)
        #expect(try HealthCheckResponse(decoding: Array(answer.body.utf8)).status == .serving)
    }

    @Test(
        arguments: [
            (#"{"service":"none"}"#, 404, "not_found"), (#"{"service":1}"#, 400, "invalid_argument"),
            (#"{"unknown":1}"#, 400, "invalid_argument"), ("", 400, "invalid_argument"),
            (String(repeating: "[", count: 1000), 400, "invalid_argument"),
        ])
    func `a failure is an error in JSON with the status of HTTP`(
        _ json: String, _ status: Int, _ code: String
    )
        throws
    {
        let peer = try HTTP1Peer()
        let answer = try peer.call(check, json)
        #expect(answer.status == status)
        #expect(answer.body.hasPrefix(#"{"code":"\#(code)","message":""#), "\(answer.body)")
        #expect(try peer.call(check, "{}").status == 200)
    }

    @Test func `an error has its details, encoded and to read`() throws {
        var configuration = ServerConfiguration()
        configuration.errorDomain = "test.v1"
        let peer = try HTTP1Peer(HTTPOptions(), configuration)
        let answer = try peer.call("/no.Such/Method", "{}")
        #expect(answer.status == 501)
        #expect(answer.body.contains(#""type":"google.rpc.ErrorInfo""#))
        #expect(
            answer.body.contains(#""debug":{"reason":"UNKNOWN_SERVICE","domain":"test.v1"}"#),
            "\(answer.body)")
    }

    @Test func `a message that is not UTF-8 is refused`() throws {
        let peer = try HTTP1Peer()
        let answer = try peer.ask(
            "POST", check, ["Content-Type: application/json"],
            Array(#"{"service":""#.utf8) + [0xFF] + Array("\"}".utf8))
        #expect(answer.status == 400)
    }

    @Test(
        arguments: [
            (["Content-Type: text/plain"], 415), (["Content-Type: application/json; charset=latin1"], 415),
            (["Content-Type: application/json; charset=\"utf-8\""], 200),
            (["Content-Type: application/grpc"], 505), (["Content-Type: application/connect+json"], 415),
            (["Content-Type: application/json", "Connect-Protocol-Version: 2"], 400),
            (["Content-Type: application/json", "Connect-Protocol-Version: 1"], 200),
            (["Content-Type: application/json", "Connect-Timeout-Ms: 1x"], 400),
            (["Content-Type: application/json", "Connect-Timeout-Ms: 0"], 504),
            (["Content-Type: application/json", "Content-Encoding: br"], 501),
        ])
    func `the head decides before the body is read`(_ fields: [String], _ status: Int) throws {
        #expect(try HTTP1Peer().ask("POST", check, fields, Array("{}".utf8)).status == status)
    }

    @Test func `a request that is too long is refused before it is read`() throws {
        let peer = try HTTP1Peer()
        try peer.send(
            "POST \(check) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
        )
        let answer = peer.take()
        #expect(answer.status == 429)
        #expect(answer.fields["connection"] == "close")
        #expect(!peer.isOpen)
    }

    @Test func `chunks that are too long together are refused where they are`() throws {
        let peer = try HTTP1Peer()
        try peer.send(
            "POST \(check) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        let chunk = "10000\r\n" + String(repeating: " ", count: 65_536) + "\r\n"
        for _ in 0..<4 { try peer.send(chunk) }
        #expect(peer.received.isEmpty)
        try peer.send(chunk)
        #expect(peer.take().status == 429)
        #expect(!peer.isOpen)
    }

    @Test func `a client that waits for it is told to go on`() throws {
        let peer = try HTTP1Peer()
        let head =
            "POST \(check) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            + "Expect: 100-continue\r\n\r\n"
        try peer.send(head)
        #expect(peer.take().status == 100)
        try peer.send("{}")
        #expect(peer.take().status == 200)
        // Who may not call is told so instead.
        try peer.send(head.replacing("localhost", with: "evil.example.org"))
        #expect(peer.take().status == 421)
        #expect(!peer.isOpen)
    }

    @Test func `pipelined requests are answered in their order`() throws {
        let peer = try HTTP1Peer()
        func request(_ path: String, _ json: String) -> String {
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
                + json
        }
        try peer.send(
            request(gate, #"{"service":"g"}"#) + request(echo, #"{"text":"second"}"#)
                + request(echo, #"{"text":"third"}"#))
        #expect(peer.received.isEmpty)
        peer.gates.open("g")
        try peer.run()
        let order = ["\"g\"", "second", "third"].compactMap { peer.received.firstRange(of: $0)?.lowerBound }
        #expect(order.count == 3 && order == order.sorted(), "\(peer.received)")
    }

    @Test func `a response is compressed where the client says so, and a request may be`() throws {
        let peer = try HTTP1Peer()
        let body = try #require(
            Gzip.compressed(Array(#"{"service":"2000"}"#.utf8 + Array(repeating: 0x20, count: 500))))
        let answer = try peer.ask(
            "POST", "/test.v1.TestService/Letters",
            ["Content-Type: application/json", "Content-Encoding: gzip", "Accept-Encoding: br, gzip;q=0.5"],
            body)
        #expect(answer.status == 200 && answer.fields["content-encoding"] == "gzip")
        let bomb = try #require(Gzip.compressed([UInt8](repeating: 0x20, count: 1 << 20)))
        let refused = try peer.ask(
            "POST", check, ["Content-Type: application/json", "Content-Encoding: gzip"], bomb)
        #expect(refused.status == 429)
    }

    // MARK: GET

    @Test func `a method without side effects is called by GET`() throws {
        let peer = try HTTP1Peer()
        #expect(
            try peer.ask("GET", check + "?connect=v1&encoding=json&message=%7B%7D").body
                == #"{"status":"SERVING"}"#)
        #expect(try peer.ask("GET", check + "?encoding=json&base64=1&message=e30").status == 200)
        #expect(try peer.ask("GET", check + "?encoding=json&base64=1&message=e").status == 405)
        #expect(try peer.ask("GET", check).status == 405)
        #expect(try peer.ask("GET", check + "?connect=v2&encoding=json&message=%7B%7D").status == 400)
        // A method with side effects is not.
        #expect(try peer.ask("GET", gate + "?encoding=json&message=%7B%7D").status == 405)
    }

    // MARK: Streams

    @Test func `a stream of JSON ends with its status`() throws {
        let peer = try HTTP1Peer()
        let request = GRPCPeer.prefixed(Array(#"{"messages":2}"#.utf8))
        let answer = try peer.ask("POST", count, ["Content-Type: application/connect+json"], request)
        #expect(answer.status == 200 && answer.fields["transfer-encoding"] == "chunked")
        for part in [#"{"text":"0"}"#, #"{"text":"1"}"#, "{}"] {
            #expect(answer.body.contains(part), "\(answer.body)")
        }
        #expect(answer.body.hasSuffix("\r\n0\r\n\r\n"))
        let failing = GRPCPeer.prefixed(Array(#"{"messages":1,"then":"fail"}"#.utf8))
        let failed = try peer.ask("POST", count, ["Content-Type: application/connect+json"], failing)
        #expect(
            failed.body.contains(#"{"error":{"code":"aborted","message":"told to fail""#), "\(failed.body)")
    }

    @Test func `gRPC-Web has its status behind the messages, binary and as text`() throws {
        let peer = try HTTP1Peer()
        let request = GRPCPeer.prefixed(CountRequest(messages: 1, bytes: 0, then: "").encoded())
        let answer = try peer.ask("POST", count, ["Content-Type: application/grpc-web"], request)
        #expect(answer.body.contains("grpc-status: 0\r\n"), "\(answer.body)")
        let text = try peer.ask(
            "POST", count, ["Content-Type: application/grpc-web-text"], Array(Base64.encode(request).utf8))
        #expect(text.fields["content-type"] == "application/grpc-web-text+proto")
        #expect(
            text.body.contains(Base64.encode(GRPCPeer.prefixed(Text(text: "0").encoded()))), "\(text.body)")
        let broken = try peer.ask(
            "POST", count, ["Content-Type: application/grpc-web-text"], Array("????".utf8))
        let trailers = String(decoding: try #require(Base64.decode(broken.body)), as: UTF8.self)
        #expect(trailers.contains("grpc-status: 3\r\n"), "\(trailers)")
    }

    @Test func `a method with a stream of requests needs HTTP/2`() throws {
        let answer = try HTTP1Peer().ask(
            "POST", "/\(FourKindsServiceMethods.join.service)/Join",
            ["Content-Type: application/connect+json"])
        #expect(answer.status == 505)
    }

    // MARK: Times and ends

    @Test func `a head that does not come is given up, and a body too`() throws {
        for bytes in [
            "POST / HTTP/1.1\r\nHost:",
            "POST \(check) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na",
        ] {
            let peer = try HTTP1Peer()
            try peer.send(bytes)
            try peer.advance(by: .seconds(5))
            // Byte by byte is no progress.
            try peer.send("x")
            #expect(peer.isOpen)
            try peer.advance(by: .seconds(30))
            #expect(!peer.isOpen)
        }
    }

    @Test func `a deadline ends a call, also while its request is arriving`() throws {
        let peer = try HTTP1Peer()
        try peer.send(
            "POST \(gate) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnect-Timeout-Ms: 2000\r\n"
                + "Content-Length: 15\r\n\r\n{")
        try peer.advance(by: .seconds(3))
        #expect(peer.take().status == 504)
        let other = try HTTP1Peer()
        try other.send(
            "POST \(gate) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnect-Timeout-Ms: 2000\r\n"
                + "Content-Length: 15\r\n\r\n{\"service\":\"g\"}")
        try other.advance(by: .seconds(3))
        #expect(other.take().status == 504)
        #expect(other.gates.wasCancelled("g"))
    }

    @Test func `a drain answers what runs, and says that the connection ends`() throws {
        let peer = try HTTP1Peer()
        try peer.send(
            "POST \(gate) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
                + "{\"service\":\"g\"}")
        peer.server.connections.drain()
        try peer.run()
        #expect(peer.isOpen)
        peer.gates.open("g")
        try peer.run()
        let answer = peer.take()
        #expect(answer.status == 200 && answer.fields["connection"] == "close")
        #expect(!peer.isOpen)
    }

    @Test func `a client that leaves cancels its call`() throws {
        let peer = try HTTP1Peer()
        try peer.send(
            "POST \(gate) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
                + "{\"service\":\"g\"}")
        _ = try peer.channel.finish(acceptAlreadyClosed: true)
        try peer.run()
        #expect(peer.gates.wasCancelled("g"))
    }
}
