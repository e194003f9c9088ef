// What a peer may take too long for, or take too much of: through sockets what happens beyond each limit, and by a
// clock that is moved by hand that nothing happens before it.

import Foundation
import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct PeerLimitTests {
    private func withPeer(
        _ configuration: ServerConfiguration, listeningOn address: Address? = nil, autoRead: Bool = true,
        _ body: (RawPeer, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration, listeningOn: address) { server in
            try await body(try await RawPeer.connect(to: server.address, autoRead: autoRead), server)
        }
    }

    private static let wholeFrame = RawPeer.frame(1, 1, body: TTRPCRequest.healthCheck.encoded())

    // MARK: Frames that do not come to their end

    @Test(arguments: [1, 9])
    func `a header that is not there in time closes the connection`(byteCount: Int) async throws {
        var configuration = ServerConfiguration.patient
        configuration.headerTime = .milliseconds(50)
        try await withPeer(configuration) { peer, server in
            try await peer.send(Self.wholeFrame.getSlice(at: 0, length: byteCount) ?? ByteBuffer())
            try await peer.expectClosed()
            #expect(server.log.all.contains { $0.contains("no whole header in time") })
        }
    }

    @Test func `a header may take until just before its time`() throws {
        let connection = try InProcessConnection()
        var frame = Self.wholeFrame
        for _ in 0..<9 {
            try connection.channel.writeInbound(frame.readSlice(length: 1) ?? ByteBuffer())
            connection.loop.advanceTime(by: .nanoseconds(1_111_111_111))
        }
        #expect(connection.channel.isActive)
        connection.loop.advanceTime(by: .nanoseconds(1))
        #expect(!connection.channel.isActive)
    }

    @Test(arguments: [1, 100, 4 << 20, (16 << 20) - 1] as [UInt32])
    func `a frame that is announced and not sent closes the connection`(length: UInt32) async throws {
        var configuration = ServerConfiguration.patient
        configuration.frameTime = .milliseconds(50)
        try await withPeer(configuration) { peer, server in
            var header = ByteBuffer()
            header.writeFrameHeader(FrameHeader(length: length, streamID: 1, type: 1))
            try await peer.send(header)
            if length > configuration.maximumRequestBytes {
                try await peer.expectRefusal(.resourceExhausted, on: 1)
            }
            try await peer.expectClosed()
            #expect(server.log.all.contains { $0.contains("no whole frame in time") })
        }
    }

    @Test(arguments: [false, true])
    func `a frame may take until just before its time, byte by byte`(isComplete: Bool) throws {
        let connection = try InProcessConnection()
        var frame = RawPeer.frame(1, 1, body: TTRPCRequest.test(TestMethods.repeatText, "hello").encoded())
        try connection.channel.writeInbound(frame.readSlice(length: 11) ?? ByteBuffer())
        for _ in 0..<29 {
            connection.loop.advanceTime(by: .seconds(1))
            try connection.channel.writeInbound(frame.readSlice(length: 1) ?? ByteBuffer())
        }
        connection.loop.advanceTime(by: .nanoseconds(999_999_999))
        #expect(connection.channel.isActive)
        if isComplete { try connection.channel.writeInbound(frame) }
        connection.loop.advanceTime(by: .nanoseconds(1))
        #expect(connection.channel.isActive == isComplete)
        #expect(try connection.nextWrite() == (isComplete ? [1] : []))
    }

    @Test func `a cut frame and the end of the input close the connection at once`() async throws {
        try await withPeer(.patient) { peer, _ in
            try await peer.send([0, 0, 0])
            try await peer.closeOutput()
            try await peer.expectClosed()
        }
    }

    // MARK: Idle connections

    @Test func `an idle connection is closed, one with a call in flight is not`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.idleTime = .seconds(1)
        try await withPeer(configuration) { busy, server in
            try await busy.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            try await RawPeer.connect(to: server.address).expectClosed()
            server.gates.open("a")
            #expect(try await busy.nextResponse(on: 1).status == nil)
            try await busy.expectClosed()
            #expect(server.log.all.isEmpty)
        }
    }

    @Test func `a connection may be idle until just before its time`() throws {
        let connection = try InProcessConnection()
        connection.loop.advanceTime(by: .seconds(1799))
        try connection.receive([(1, .healthCheck)])
        #expect(try connection.nextWrite() == [1])
        connection.loop.advanceTime(by: .nanoseconds(1_799_999_999_999))
        #expect(connection.channel.isActive)
        connection.loop.advanceTime(by: .nanoseconds(1))
        #expect(!connection.channel.isActive)
    }

    // MARK: Answers that are not read

    @Test func `a peer that does not read its answers is closed`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.unreadTime = .milliseconds(100)
        try await withPeer(configuration, autoRead: false) { peer, server in
            for id in 0..<32 {
                let request = TTRPCRequest.test(TestMethods.letters, "100000")
                peer.sendWithoutWaiting(RawPeer.frame(1, UInt32(id * 2 + 1), body: request.encoded()))
            }
            try await eventually("the line in the log") {
                server.log.all.contains { $0.contains("does not read") }
            }
            try await peer.beginReading()
            var answered = 0
            while (try? await peer.nextFrame()) != nil { answered += 1 }
            #expect(answered < 32)
        }
    }

    @Test func `answers may stay unread until just before their time`() throws {
        let connection = try InProcessConnection()
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.loop.advanceTime(by: .nanoseconds(9_999_999_999))
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.loop.advanceTime(by: .seconds(60))
        #expect(connection.channel.isActive)
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.loop.advanceTime(by: .seconds(10))
        #expect(!connection.channel.isActive)
    }

    @Test func `answers beyond the queue of a peer that does not read are dropped, the connection goes on`()
        async throws
    {
        var configuration = ServerConfiguration.patient
        configuration.unreadTime = .seconds(120)
        configuration.maximumUnreadBytes = 1 << 20
        try await withPeer(configuration, autoRead: false) { peer, server in
            let text = String(repeating: "x", count: 100_000)
            let count = 60
            for id in 0..<count {
                let request = TTRPCRequest.test(TestMethods.waitNamed, "\(text)gate")
                peer.sendWithoutWaiting(RawPeer.frame(1, UInt32(id * 2 + 1), body: request.encoded()))
            }
            try await eventually("all calls at the gate") { server.gates.arrived("gate") == count }
            server.gates.open("gate")
            try await eventually("the end of all calls") { server.server.statistics.callsInFlight == 0 }
            try await peer.beginReading()
            var refused = 0
            for _ in 0..<count {
                let status = try await peer.nextFrame().response().status
                if let status = Status(wireForm: status) {
                    #expect(status.code == .resourceExhausted)
                    refused += 1
                }
            }
            // A megabyte is queued and the sockets hold less than another.
            #expect((count - 40...count - 10).contains(refused), "\(refused)")
            try await peer.expectGoodCall(on: 1)
        }
    }

    // MARK: Requests in flight

    @Test func `the bytes of requests in flight are limited, and free again when they are answered`()
        async throws
    {
        var configuration = ServerConfiguration.patient
        let request = TTRPCRequest.test(TestMethods.waitAtGate, "a")
        configuration.maximumBytesInFlightPerConnection = 2 * request.encoded().count
        try await withPeer(configuration) { peer, server in
            for id: UInt32 in [1, 3] { try await peer.sendRequest(id, request) }
            try await peer.sendRequest(5, request)
            try await peer.expectRefusal(.resourceExhausted, on: 5)
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
            server.gates.open("a")
            for _ in 0..<2 { #expect(try await peer.nextFrame().response().status == nil) }
            try await peer.expectGoodCall(on: 7)
        }
    }

    // MARK: Who may connect

    @Test(arguments: [true, false])
    func `a Unix socket can be kept to some users`(isAllowed: Bool) async throws {
        var configuration = ServerConfiguration.patient
        configuration.allowedUserIDs = [isAllowed ? geteuid() : geteuid() + 1]
        try await withPeer(configuration) { peer, server in
            if isAllowed {
                try await peer.expectGoodCall(on: 1)
            } else {
                try await peer.expectClosed()
                #expect(server.log.all == ["a user that may not connect; closing user=\(geteuid())"])
            }
            // The kernel knows the user of a Unix socket only.
            let tcp = try await server.server.listen(on: .tcp(host: "127.0.0.1", port: 0))
            try await RawPeer.connect(to: tcp).expectGoodCall(on: 1)
        }
    }

    // MARK: The last answers

    @Test func `the last answers reach a peer that is still sending`() async throws {
        let address = Address.tcp(host: "127.0.0.1", port: 0)
        var configuration = ServerConfiguration.patient
        configuration.lingerTime = .seconds(120)
        try await withPeer(configuration, listeningOn: address, autoRead: false) { peer, server in
            var bytes = Self.wholeFrame
            bytes.writeString("GET / HTTP/1.1\r\n")
            // More than the sockets hold, so that it is still on its way when the server closes.
            bytes.writeRepeatingByte(0x20, count: 64 << 20)
            try await peer.send(bytes)
            try await peer.beginReading()
            #expect(try await peer.nextResponse(on: 1).status == nil)
            try await peer.expectClosed()
            #expect(server.log.all.count == 1)
        }
    }
}
