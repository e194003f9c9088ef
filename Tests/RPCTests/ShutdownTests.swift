// The orderly end of a server.

import NIOCore
import NIOEmbedded
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct ShutdownTests {
    @Test func `idle connections are closed at once and nothing listens any more`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.expectGoodCall(on: 1)
            let start = ContinuousClock.now
            await server.server.shutdown()
            #expect(ContinuousClock.now - start < .seconds(60))
            try await peer.expectClosed()
            await #expect(throws: Status.self) { try await Client.connect(to: server.address) }
        }
    }

    @Test func `calls in flight are answered, new ones are refused, then the connection closes`() async throws
    {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            async let shutdown: Void = server.server.shutdown()
            try await peer.expectGoodCalls(untilRefusal: .unavailable, from: 3)
            server.gates.open("a")
            #expect(try await peer.nextResponse(on: 1).status == nil)
            try await peer.expectClosed()
            await shutdown
        }
    }

    @Test func `calls that outlast the drain time are cancelled and answered`() async throws {
        var configuration = ServerConfiguration()
        configuration.drainTime = .milliseconds(50)
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitStubbornly, "a"))
            try await peer.sendRequest(3, .test(TestMethods.waitAtGate, "b"))
            try await eventually("the call at the gate") { server.gates.arrived("b") == 1 }
            await server.server.shutdown()
            try await peer.expectRefusal(.cancelled, on: 1)
            try await peer.expectRefusal(.cancelled, on: 3)
            try await peer.expectClosed()
            server.gates.open("a")
        }
    }

    @Test func `calls in flight are answered also after frames that were refused or of no use`() async throws
    {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.sendRequest(2, .healthCheck)
            try await peer.expectRefusal(.invalidArgument, on: 2)
            try await peer.sendFrame(3, 9)
            try await peer.expectRefusal(.invalidArgument, on: 9)
            for type: UInt8 in [0, 2, 77] { try await peer.sendFrame(type, 1) }
            try await peer.sendFrame(1, 11, body: [0xff])
            try await peer.expectRefusal(.invalidArgument, on: 11)
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            async let shutdown: Void = server.server.shutdown()
            try await peer.expectGoodCalls(untilRefusal: .unavailable, from: 13)
            server.gates.open("a")
            #expect(try await peer.nextResponse(on: 1).status == nil)
            try await peer.expectClosed()
            await shutdown
        }
    }

    @Test(arguments: [[0, 0, 0], [0, 0, 0, 9, 0, 0, 0, 3, 1, 0, 7]] as [[UInt8]])
    func `a frame that never ends does not keep a server from its end`(bytes: [UInt8]) async throws {
        // The times of a drain and of a frame are minutes.
        var configuration = ServerConfiguration.patient
        configuration.headerTime = .seconds(120)
        configuration.frameTime = .seconds(120)
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.expectGoodCall(on: 1)
            try await peer.send(bytes)
            let time = await ContinuousClock().measure { await server.server.shutdown() }
            #expect(time < .seconds(30))
            // A header that came after the drain had begun is refused first.
            while true { if case .closed = try await peer.nextEvent() { break } }
        }
    }

    @Test(arguments: [false, true])
    func `a connection that is in use has its next call refused, another is closed at once`(
        isInUse: Bool
    ) throws {
        let connection = try InProcessConnection()
        try connection.receive([(1, .healthCheck)])
        #expect(try connection.nextWrite() == [1])
        connection.loop.advanceTime(by: .milliseconds(isInUse ? 99 : 101))
        try connection.channel.pipeline.syncOperations.handler(type: ServerConnection.self).drain()
        connection.loop.run()
        guard isInUse else {
            #expect(!connection.channel.isActive)
            return
        }
        try connection.receive([(3, .healthCheck)])
        #expect(try connection.nextWrite() == [3])
        connection.loop.advanceTime(by: .milliseconds(200))
        #expect(!connection.channel.isActive)
    }

    @Test func `a client that retries on the same line is answered and soon sent elsewhere`() throws {
        let connection = try InProcessConnection()
        try connection.receive([(1, .healthCheck)])
        #expect(try connection.nextWrite() == [1])
        try connection.channel.pipeline.syncOperations.handler(type: ServerConnection.self).drain()
        var streamID: UInt32 = 3
        while connection.channel.isActive, streamID < 103 {
            try connection.receive([(streamID, .healthCheck)])
            #expect(try connection.nextWrite() == [streamID])
            connection.loop.advanceTime(by: .milliseconds(20))
            streamID += 2
        }
        #expect((5...15).contains(streamID))
        #expect(!connection.channel.isActive)
    }

    @Test func `a server that was shut down does not listen again`() async throws {
        try await TestServer.with { server in
            await server.server.shutdown()
            await server.server.shutdown()
            await #expect(throws: ListenError.self) { try await server.server.listen(on: server.address) }
        }
    }
}
