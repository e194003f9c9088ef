// Calls of all four kinds over gRPC, and how they fail.

import HTTP2
import NIOCore
import ProtobufC
import RPCMessages
import TestMessages
import TestRPC
import Testing

@testable import GRPC
@testable import RPC

struct CallTests {
    private let check = "/grpc.health.v1.Health/Check"
    private let fourKinds = "/" + FourKindsServiceMethods.echo.service + "/"

    @Test func `a call is answered by head, message and trailers in one write`() throws {
        let peer = try GRPCPeer()
        let before = peer.writes
        try peer.call(check, 1, HealthCheckRequest())
        #expect(peer.writes == before + 1)
        let answer = try #require(peer.answers[1])
        #expect(answer.fields[":status"] == "200")
        #expect(answer.fields["content-type"] == "application/grpc")
        #expect(answer.status == "0" && answer.isEnded && answer.reset == nil)
        #expect(try HealthCheckResponse(decoding: answer.messages[0]).status == .serving)
    }

    @Test func `the calls of one read are answered by one write`() throws {
        let peer = try GRPCPeer()
        var bytes = ByteBuffer()
        for streamID in [1, 3, 5] as [UInt32] {
            bytes.writeImmutableBuffer(try peer.head(check, streamID))
            bytes.writeImmutableBuffer(GRPCPeer.data(GRPCPeer.prefixed([]), streamID, endsStream: true))
        }
        let before = peer.writes
        try peer.send(bytes)
        #expect(peer.writes == before + 1)
        #expect([1, 3, 5].allSatisfy { peer.answers[$0]?.status == "0" })
    }

    @Test func `a request may come byte by byte, and its end in a frame of its own`() throws {
        let peer = try GRPCPeer()
        var bytes = try peer.head(check, 1)
        let request = HealthCheckRequest(service: "none").encoded()
        for byte in GRPCPeer.prefixed(request) {
            bytes.writeImmutableBuffer(GRPCPeer.data([byte], 1, endsStream: false))
        }
        bytes.writeImmutableBuffer(GRPCPeer.data([], 1, endsStream: true))
        while let part = bytes.readSlice(length: 1) { try peer.send(part) }
        #expect(peer.answers[1]?.status == "5")
        #expect(peer.answers[1]?.fields["grpc-message"] == "service none")
    }

    @Test func `a stream of responses ends with its status`() throws {
        let peer = try GRPCPeer()
        try peer.call(fourKinds + "Count", 1, CountRequest(messages: 3, bytes: 0, then: ""))
        let answer = try #require(peer.answers[1])
        #expect(try answer.messages.map { try Text(decoding: $0).text } == ["0", "1", "2"])
        #expect(answer.status == "0" && answer.isEnded)
        try peer.call(fourKinds + "Count", 3, CountRequest(messages: 1, bytes: 0, then: "fail"))
        #expect(peer.answers[3]?.messages.count == 1)
        #expect(peer.answers[3]?.status == "10")
        #expect(peer.answers[3]?.fields["grpc-message"] == "told to fail")
    }

    @Test func `a stream of requests gets one response`() throws {
        let peer = try GRPCPeer()
        try peer.send(try peer.head(fourKinds + "Join", 1))
        for text in ["a", "b"] {
            try peer.send(
                GRPCPeer.data(GRPCPeer.prefixed(JoinRequest(text: text).encoded()), 1, endsStream: false))
        }
        #expect(peer.answers[1] == nil)
        try peer.send(GRPCPeer.data([], 1, endsStream: true))
        let answer = try #require(peer.answers[1])
        #expect(try Text(decoding: answer.messages[0]).text == "a,b")
        #expect(answer.status == "0")
    }

    @Test func `messages go both ways, and a handler may end before its client`() throws {
        let peer = try GRPCPeer()
        try peer.send(try peer.head(fourKinds + "Chat", 1))
        for (number, text) in ["a", "b", "c"].enumerated() {
            try peer.send(
                GRPCPeer.data(GRPCPeer.prefixed(ChatRequest(text: text).encoded()), 1, endsStream: false))
            #expect(peer.answers[1]?.messages.count == number + 1)
        }
        try peer.send(
            GRPCPeer.data(GRPCPeer.prefixed(ChatRequest(text: "leave").encoded()), 1, endsStream: false))
        #expect(peer.answers[1]?.status == "0")
        #expect(peer.answers[1]?.reset == .noError)
        try peer.call(check, 3, HealthCheckRequest())
        #expect(peer.answers[3]?.status == "0")
    }

    // MARK: Failures

    @Test func `a failure has its reason in the details`() throws {
        var configuration = ServerConfiguration()
        configuration.errorDomain = "test.v1"
        let peer = try GRPCPeer(configuration)
        try peer.call("/no.Such/Method", 1, HealthCheckRequest())
        let answer = try #require(peer.answers[1])
        #expect(answer.fields[":status"] == "200" && answer.status == "12" && answer.isEnded)
        let details = try #require(answer.fields["grpc-status-details-bin"])
        let status = try RPCStatus(decoding: try #require(Base64.decode(details)))
        #expect(Status(wireForm: status)?.errorInfo?.reason == "UNKNOWN_SERVICE")
    }

    @Test(
        arguments: [
            ("a message that is cut", [0, 0, 0, 0, 9, 1], "3"), ("no message", [], "3"),
            ("two messages", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "3"),
            ("a compressed message", [1, 0, 0, 0, 0], "12"), ("a flag of no meaning", [2, 0, 0, 0, 0], "3"),
            ("a message that is too long", [0, 0, 5, 0, 0], "8"),
            ("no message of the type", [0, 0, 0, 0, 1, 255], "3"),
        ] as [(String, [UInt8], String)])
    func `a body against the rules fails its call only`(_ name: String, _ body: [UInt8], _ status: String)
        throws
    {
        let peer = try GRPCPeer()
        var bytes = try peer.head(check, 1)
        bytes.writeImmutableBuffer(GRPCPeer.data(body, 1, endsStream: true))
        try peer.send(bytes)
        #expect(peer.answers[1]?.status == status, "\(name)")
        try peer.call(check, 3, HealthCheckRequest())
        #expect(peer.answers[3]?.status == "0")
    }

    @Test func `a request that is too long is refused at its prefix`() throws {
        let peer = try GRPCPeer()
        var bytes = try peer.head(check, 1)
        bytes.writeImmutableBuffer(GRPCPeer.data([0, 0, 5, 0, 0], 1, endsStream: false))
        try peer.send(bytes)
        #expect(peer.answers[1]?.status == "8")
        #expect(peer.answers[1]?.reset == .noError)
    }

    @Test func `what is no call of gRPC gets a status of HTTP`() throws {
        let peer = try GRPCPeer()
        try peer.send(try peer.head(check, 1, endsStream: true, contentType: "application/json"))
        #expect(peer.answers[1]?.fields[":status"] == "415")
        #expect(peer.answers[1]?.isEnded == true)
    }

    @Test func `metadata reaches the handler, binary values decoded`() throws {
        let peer = try GRPCPeer()
        let request = HealthCheckRequest(service: "x")
        try peer.call("/test.v1.TestService/Context", 1, request, [("user", "ann"), ("trace-bin", "YWJj")])
        let text = try HealthCheckRequest(decoding: try #require(peer.answers[1]?.messages.first)).service
        #expect(text.contains("ann") && text.contains("abc"), "\(text)")
        try peer.call(check, 3, request, [("trace-bin", "?")])
        #expect(peer.answers[3]?.status == "3")
        try peer.call(check, 5, request, (0..<65).map { ("k\($0)", "v") })
        #expect(peer.answers[5]?.status == "3")
        try peer.call(check, 7, request, [("grpc-timeout", "1x")])
        #expect(peer.answers[7]?.status == "3")
        try peer.call(check, 9, request, [("grpc-encoding", "snappy")])
        #expect(peer.answers[9]?.status == "12")
        #expect(peer.answers[9]?.fields["grpc-accept-encoding"]?.contains("identity") == true)
    }

    @Test func `messages are compressed both ways where the client says so`() throws {
        let peer = try GRPCPeer()
        let letters = "/test.v1.TestService/Letters"
        let request = GRPCPeer.prefixed(
            try #require(
                Gzip.compressed(
                    HealthCheckRequest(service: String(repeating: "0", count: 500) + "2000").encoded())),
            flag: 1)
        var bytes = try peer.head(
            letters, 1, [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity,gzip")])
        bytes.writeImmutableBuffer(GRPCPeer.data(request, 1, endsStream: true))
        try peer.send(bytes)
        let answer = try #require(peer.answers[1])
        #expect(answer.status == "0" && answer.fields["grpc-encoding"] == "gzip")
        let compressed = try #require(answer.messages.first)
        #expect(compressed.count < 200)
        let message = try HealthCheckRequest(decoding: try Gzip.inflated(compressed, limit: 4000))
        #expect(message.service.utf8.count == 2000)
        // Without the header of the encoding the flag means nothing.
        var plain = try peer.head(letters, 3)
        plain.writeImmutableBuffer(GRPCPeer.data(request, 3, endsStream: true))
        try peer.send(plain)
        #expect(peer.answers[3]?.status == "12")
    }

    @Test func `what a message inflates to is bounded`() throws {
        let peer = try GRPCPeer()
        let bomb = try #require(Gzip.compressed([UInt8](repeating: 0, count: 10 << 20)))
        #expect(bomb.count < 100_000)
        var bytes = try peer.head(check, 1, [("grpc-encoding", "gzip")])
        bytes.writeImmutableBuffer(GRPCPeer.data(GRPCPeer.prefixed(bomb, flag: 1), 1, endsStream: true))
        try peer.send(bytes)
        #expect(peer.answers[1]?.status == "8")
        var broken = try peer.head(check, 3, [("grpc-encoding", "gzip")])
        broken.writeImmutableBuffer(
            GRPCPeer.data(GRPCPeer.prefixed([1, 2, 3], flag: 1), 3, endsStream: true))
        try peer.send(broken)
        #expect(peer.answers[3]?.status == "3")
    }

    // MARK: Times and ends

    @Test func `a deadline ends a call that waits, and one whose request does not come`() throws {
        let peer = try GRPCPeer()
        try peer.call(
            "/test.v1.TestService/WaitAtGate", 1, HealthCheckRequest(service: "g"), [("grpc-timeout", "2S")])
        try peer.send(try peer.head(check, 3, [("grpc-timeout", "1S")]))
        try peer.advance(by: .milliseconds(1500))
        #expect(peer.answers[1] == nil)
        #expect(peer.answers[3]?.status == "4")
        try peer.advance(by: .seconds(1))
        #expect(peer.answers[1]?.status == "4")
    }

    @Test func `RST_STREAM cancels the handler`() throws {
        let peer = try GRPCPeer()
        try peer.call(fourKinds + "Count", 1, CountRequest(messages: 1, bytes: 0, then: "wait g"))
        #expect(peer.answers[1]?.messages.count == 1)
        try peer.frame(.resetStream, 1, [], [0, 0, 0, 8])
        #expect(peer.gates.wasCancelled("g"))
        #expect(peer.answers[1]?.isEnded == false)
        try peer.call(check, 3, HealthCheckRequest())
        #expect(peer.answers[3]?.status == "0")
    }

    @Test func `a drain announces itself, answers what runs, and names the last stream`() throws {
        let peer = try GRPCPeer()
        try peer.call(fourKinds + "Count", 1, CountRequest(messages: 1, bytes: 0, then: "wait g"))
        peer.server.connections.drain()
        try peer.run()
        #expect(peer.goAways == [0x7FFF_FFFF])
        let ping = try #require(peer.pings.first)
        try peer.call(check, 3, HealthCheckRequest())
        #expect(peer.answers[3]?.reset == .refusedStream)
        try peer.frame(.ping, 0, .acknowledgement, (0..<8).map { UInt8(ping >> (56 - 8 * $0) & 0xFF) })
        #expect(peer.goAways == [0x7FFF_FFFF, 3])
        peer.gates.open("g")
        try peer.run()
        #expect(peer.answers[1]?.status == "0")
    }
}
