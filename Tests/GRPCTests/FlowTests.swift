// Windows in both directions, seen through whole calls.

import GRPC
import HTTP2
import NIOCore
import ProtobufC
import RPCMessages
import TestMessages
import TestRPC
import Testing

@testable import RPC

struct FlowTests {
    private let letters = "/test.v1.TestService/Letters"
    private let fourKinds = "/" + FourKindsServiceMethods.echo.service + "/"

    @Test func `a response that is longer than the window waits for it`() throws {
        let peer = try GRPCPeer()
        try peer.call(letters, 1, HealthCheckRequest(service: "100000"))
        #expect(peer.answers[1]?.messages == [])
        #expect(peer.answers[1]?.status == nil)
        try peer.grow(0, by: 1 << 20)
        #expect(peer.answers[1]?.status == nil)
        try peer.grow(1, by: 1 << 20)
        let message = try #require(peer.answers[1]?.messages.first)
        #expect(try HealthCheckRequest(decoding: message).service.utf8.count == 100_000)
        #expect(peer.answers[1]?.status == "0")
    }

    @Test func `a client that makes no room loses its stream, and the others go on`() throws {
        var configuration = ServerConfiguration()
        configuration.unreadTime = .milliseconds(1)
        let peer = try GRPCPeer(configuration, settings: [(4, 1)])
        try peer.call(letters, 1, HealthCheckRequest(service: "1000"))
        #expect(peer.answers[1]?.reset == nil)
        // What waits goes by the clock of the machine.
        try peer.advance(by: .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds) + 1_000_000_000))
        #expect(peer.answers[1]?.reset == .cancel)
        try peer.grow(0, by: 1000)
        try peer.frame(.settings, 0, [], [0, 4, 0, 1, 0, 0])
        try peer.call(letters, 3, HealthCheckRequest(service: "10"))
        #expect(peer.answers[3]?.status == "0")
    }

    @Test func `a handler waits while its client makes no room`() throws {
        let peer = try GRPCPeer(settings: [(4, 100)])
        try peer.call(fourKinds + "Count", 1, CountRequest(messages: 50, bytes: 40, then: ""))
        let first = try #require(peer.answers[1]?.messages.count)
        #expect(first < 4)
        for _ in 0..<30 { try peer.grow(1, by: 100) }
        #expect(peer.answers[1]?.messages.count == 50)
        #expect(peer.answers[1]?.status == "0")
    }

    @Test func `requests wait for their handler, and nothing is lost`() throws {
        let peer = try GRPCPeer()
        try peer.send(try peer.head(fourKinds + "Join", 1))
        try peer.send(
            GRPCPeer.data(GRPCPeer.prefixed(JoinRequest(text: "wait g").encoded()), 1, endsStream: false))
        let many = (0..<200).flatMap { GRPCPeer.prefixed(JoinRequest(text: "\($0)").encoded()) }
        try peer.send(GRPCPeer.data(many, 1, endsStream: true))
        // Calls on other streams do not wait for it.
        try peer.call("/grpc.health.v1.Health/Check", 3, HealthCheckRequest())
        #expect(peer.answers[3]?.status == "0")
        #expect(peer.answers[1] == nil)
        peer.gates.open("g")
        for _ in 0..<20 { try peer.run() }
        let answer = try #require(peer.answers[1])
        let text = try Text(decoding: try #require(answer.messages.first)).text
        #expect(text == (["wait g"] + (0..<200).map { "\($0)" }).joined(separator: ","))
    }

    @Test func `requests that arrive on many streams are bounded in bytes`() throws {
        var configuration = ServerConfiguration()
        configuration.maximumBytesInFlightPerConnection = 500_000
        let peer = try GRPCPeer(configuration)
        var bytes = ByteBuffer()
        for streamID in [1, 3, 5] as [UInt32] {
            bytes.writeImmutableBuffer(try peer.head("/grpc.health.v1.Health/Check", streamID))
            bytes.writeImmutableBuffer(GRPCPeer.data([0, 0, 3, 0xD0, 0x90, 1], streamID, endsStream: false))
        }
        try peer.send(bytes)
        #expect(peer.answers[1] == nil)
        #expect(peer.answers[5]?.status == "8")
    }
}
