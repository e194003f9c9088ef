// Deadlines of calls, as the server keeps them.

import NIOCore
import ProtobufC
import RPC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

struct DeadlineTests {
    private func withPeer(
        _ configuration: ServerConfiguration = ServerConfiguration(),
        _ body: (RawPeer, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration) { server in
            try await body(try await RawPeer.connect(to: server.address), server)
        }
    }

    @Test(arguments: [-1, .min, 1] as [Int64])
    func `a timeout that is negative or already over is answered at once`(timeout: Int64) async throws {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a", timeoutNano: timeout))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            #expect(server.gates.arrived("a") == 0)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [.max, 3_600_000_000_000, 60_000_000_000] as [Int64])
    func `a call within its timeout is answered`(timeout: Int64) async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(1, .test(TestMethods.context, timeoutNano: timeout))
            let response = try await peer.nextResponse(on: 1)
            #expect(try HealthCheckRequest(decoding: response.payload).service == " unix true")
        }
    }

    @Test func `at the deadline the call is answered, its task cancelled and its result dropped`()
        async throws
    {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a", timeoutNano: 20_000_000))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a call without a timeout has the server's own`() async throws {
        var configuration = ServerConfiguration()
        configuration.defaultTimeout = .milliseconds(20)
        try await withPeer(configuration) { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
        }
    }

    @Test func `a handler that takes no notice is answered for, and its late result is dropped`() async throws
    {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitStubbornly, "a", timeoutNano: 20_000_000))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            // The same id again, while the first handler on it still runs: each result has its own call.
            try await peer.sendRequest(1, .test(TestMethods.waitStubbornly, "b"))
            server.gates.open("a")
            try await peer.expectGoodCall(on: 3)
            server.gates.open("b")
            let response = try await peer.nextResponse(on: 1)
            #expect(try HealthCheckRequest(decoding: response.payload).service == "b")
        }
    }

    @Test func `calls with several deadlines end each at its own`() async throws {
        try await withPeer { peer, _ in
            // One write, so that the clock of all three starts at the same time.
            var bytes = ByteBuffer()
            for (id, milliseconds) in [(1, 90), (3, 30), (5, 60)] as [(UInt32, Int64)] {
                let call = TTRPCRequest.test(
                    TestMethods.waitAtGate, "\(id)", timeoutNano: milliseconds * 1_000_000)
                bytes.writeImmutableBuffer(RawPeer.frame(1, id, body: call.encoded()))
            }
            try await peer.send(bytes)
            for id: UInt32 in [3, 5, 1] { try await peer.expectRefusal(.deadlineExceeded, on: id) }
            try await peer.expectGoodCall(on: 7)
        }
    }

    @Test func `a longer timeout than the server allows is cut`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumTimeout = .milliseconds(20)
        try await withPeer(configuration) { peer, _ in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a", timeoutNano: .max))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }
}
