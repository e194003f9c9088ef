// The orderly end of a server.

import TTRPC
import TTRPCMessages
import Testing

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
            #expect(await eventually { server.gates.arrived("a") == 1 })
            async let shutdown: Void = server.server.shutdown()
            // The server goes down as soon as a new call is refused.
            var id: UInt32 = 3
            var code: Int32 = 0
            while code == 0 {
                try await peer.sendRequest(id, .healthCheck)
                code = try await peer.nextResponse(on: id).status?.code ?? 0
                id += 2
            }
            #expect(code == StatusCode.unavailable.rawValue)
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
            #expect(await eventually { server.gates.arrived("b") == 1 })
            await server.server.shutdown()
            try await peer.expectRefusal(.cancelled, on: 1)
            try await peer.expectRefusal(.cancelled, on: 3)
            try await peer.expectClosed()
            server.gates.open("a")
        }
    }

    @Test func `a server that was shut down does not listen again`() async throws {
        try await TestServer.with { server in
            await server.server.shutdown()
            await server.server.shutdown()
            await #expect(throws: ListenError.self) { try await server.server.listen(on: server.address) }
        }
    }
}
