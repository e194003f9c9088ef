// Connect and gRPC-Web over HTTP/2: the same forms as over HTTP/1.1, on streams beside those of gRPC.

import HTTP2
import NIOCore
import ProtobufC
import RPCMessages
import TTRPC
import TestMessages
import TestRPC
import Testing

@testable import GRPC
@testable import RPC

struct WebOverHTTP2Tests {
    private let check = "/grpc.health.v1.Health/Check"
    private let count = "/\(FourKindsServiceMethods.count.service)/Count"

    private func call(
        _ peer: GRPCPeer, _ path: String, _ streamID: UInt32, _ type: String, _ body: [UInt8],
        _ fields: [(String, String)] = []
    ) throws -> GRPCAnswer {
        var bytes = try peer.head(path, streamID, fields, contentType: type)
        bytes.writeImmutableBuffer(GRPCPeer.data(body, streamID, endsStream: true))
        try peer.send(bytes)
        return try #require(peer.answers[streamID])
    }

    @Test func `JSON, gRPC-Web and gRPC share a connection`() throws {
        let peer = try GRPCPeer(protocols: [.http2()])
        let json = try call(peer, check, 1, "application/json", Array("{}".utf8))
        #expect(json.fields[":status"] == "200" && json.isEnded)
        #expect(String(decoding: json.body, as: UTF8.self) == #"{"status":"SERVING"}"#)
        let web = try call(peer, check, 3, "application/grpc-web+proto", GRPCPeer.prefixed([]))
        #expect(
            web.body == GRPCPeer.prefixed(HealthCheckResponse(status: .serving).encoded())
                + GRPCPeer.prefixed(Array("grpc-status: 0\r\n".utf8), flag: 0x80))
        try peer.call(check, 5, HealthCheckRequest())
        #expect(peer.answers[5]?.status == "0")
    }

    @Test func `failures have a status of HTTP or stand at the end of the stream`() throws {
        let peer = try GRPCPeer(protocols: [.http2()])
        let missing = try call(peer, check, 1, "application/json", Array(#"{"service":"none"}"#.utf8))
        #expect(missing.fields[":status"] == "404")
        let unknown = try call(peer, "/no.Such/Method", 3, "application/json", Array("{}".utf8))
        #expect(unknown.fields[":status"] == "501")
        let stream = try call(
            peer, count, 5, "application/connect+json",
            GRPCPeer.prefixed(Array(#"{"messages":1,"then":"fail"}"#.utf8)))
        #expect(stream.fields[":status"] == "200" && stream.isEnded)
        #expect(String(decoding: stream.body, as: UTF8.self).contains(#"{"error":{"code":"aborted""#))
        #expect(try call(peer, check, 7, "application/json", Array("{".utf8)).fields[":status"] == "400")
        #expect(try call(peer, check, 9, "text/html", []).fields[":status"] == "415")
    }

    @Test func `messages in JSON go both ways`() throws {
        let peer = try GRPCPeer(protocols: [.http2()])
        let path = "/\(FourKindsServiceMethods.chat.service)/Chat"
        try peer.send(try peer.head(path, 1, contentType: "application/connect+json"))
        let message = GRPCPeer.prefixed(Array(#"{"text":"a"}"#.utf8))
        try peer.send(GRPCPeer.data(message, 1, endsStream: false))
        #expect(peer.answers[1]?.body == message)
        try peer.send(GRPCPeer.data(message, 1, endsStream: true))
        #expect(peer.answers[1]?.body == message + message + GRPCPeer.prefixed(Array("{}".utf8), flag: 2))
        #expect(peer.answers[1]?.isEnded == true)
    }

    @Test func `a response that is longer than the window waits for it`() throws {
        let peer = try GRPCPeer(protocols: [.http2()])
        let answer = try call(
            peer, "/test.v1.TestService/Letters", 1, "application/json", Array(#"{"service":"100000"}"#.utf8))
        #expect(answer.body.count == 65_535 && !answer.isEnded)
        try peer.grow(0, by: 1 << 20)
        try peer.grow(1, by: 1 << 20)
        #expect(peer.answers[1]?.body.count == 100_000 + #"{"service":""}"#.utf8.count)
        #expect(peer.answers[1]?.isEnded == true)
    }

    @Test func `a preface that comes byte by byte is told from a request of HTTP/1.1`() throws {
        let first = HTTP2Limits.clientPreface
        let peer = try GRPCPeer(
            protocols: [.ttrpc, .http2(), .http1()], first: [first[0]], sendsSettings: false)
        for byte in first.dropFirst() { try peer.send(ByteBuffer(bytes: [byte])) }
        try peer.frame(.settings, 0, [], [])
        try peer.call(check, 1, HealthCheckRequest())
        #expect(peer.answers[1]?.status == "0")
    }
}
