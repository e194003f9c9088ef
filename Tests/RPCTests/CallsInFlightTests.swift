// Many calls at once: their order, their limits, and where their handlers run.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct CallsInFlightTests {
    @Test func `calls are answered in the order in which they end`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            let ids: [UInt32] = [1, 3, 5, 7, 9]
            for id in ids { try await peer.sendRequest(id, .test(TestMethods.waitAtGate, "\(id)")) }
            for id in [7, 1, 9, 3, 5] as [UInt32] {
                server.gates.open("\(id)")
                let response = try await peer.nextResponse(on: id)
                #expect(try HealthCheckRequest(decoding: response.payload).service == "\(id)")
            }
        }
    }

    @Test func `a call over the connection's limit is refused and the others go on`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumCallsPerConnection = 4
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            for id: UInt32 in [1, 3, 5, 7] {
                try await peer.sendRequest(id, .test(TestMethods.waitAtGate, "a"))
            }
            try await peer.sendRequest(9, .healthCheck)
            try await peer.expectRefusal(.resourceExhausted, on: 9)
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
            server.gates.open("a")
            for _ in 0..<4 { #expect(try await peer.nextFrame().response().status == nil) }
            try await peer.expectGoodCall(on: 9)
        }
    }

    @Test func `a call over the server's limit is refused on every connection`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumCalls = 2
        try await TestServer.with(configuration) { server in
            let first = try await RawPeer.connect(to: server.address)
            let second = try await RawPeer.connect(to: server.address)
            try await first.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await second.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await eventually("both calls at the gate") { server.gates.arrived("a") == 2 }
            for peer in [first, second] {
                try await peer.sendRequest(3, .test(TestMethods.repeatText, "b"))
                try await peer.expectRefusal(.resourceExhausted, on: 3)
                // The health check takes no place.
                try await peer.expectGoodCall(on: 5)
            }
            server.gates.open("a")
            for peer in [first, second] {
                #expect(try await peer.nextResponse(on: 1).status == nil)
                try await peer.sendRequest(7, .test(TestMethods.repeatText, "b"))
                #expect(try await peer.nextResponse(on: 7).status == nil)
            }
        }
    }

    @Test func `a handler that has waited goes on on the thread of its connection`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            for id: UInt32 in [1, 3, 5] { try await peer.sendRequest(id, .test(TestMethods.place)) }
            for _ in 0..<3 {
                let response = try await peer.nextFrame().response()
                #expect(try HealthCheckRequest(decoding: response.payload).service == "same")
            }
        }
    }

    @Test func `a client that closes its side still gets the answers in flight`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.sendRequest(3, .test(TestMethods.waitAtGate, "a"))
            try await peer.closeOutput()
            try await eventually("both calls at the gate") { server.gates.arrived("a") == 2 }
            server.gates.open("a")
            for _ in 0..<2 { #expect(try await peer.nextFrame().response().status == nil) }
            try await peer.expectClosed()
        }
    }

    @Test func `a client that closes its side is waited for no longer than the drain time`() async throws {
        var configuration = ServerConfiguration()
        configuration.drainTime = .milliseconds(50)
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.closeOutput()
            try await peer.expectRefusal(.cancelled, on: 1)
            try await peer.expectClosed()
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
        }
    }

    @Test(arguments: [true, false])
    func `the calls of a client that is gone are cancelled`(throughUnixSocket: Bool) async throws {
        let address: Address? = throughUnixSocket ? nil : .tcp(host: "127.0.0.1", port: 0)
        var configuration = ServerConfiguration()
        // A Unix socket says that the peer is gone. TCP says only that it sends no more.
        if !throughUnixSocket { configuration.drainTime = .milliseconds(50) }
        try await TestServer.with(configuration, listeningOn: address) { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            try await peer.close()
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
        }
    }

    @Test func `a peer that does not read is not read from, and gets every answer in the end`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address, autoRead: false)
            // 13 MB of answers, far more than the sockets hold.
            let count = 200
            var bytes = ByteBuffer()
            for index in 0..<count {
                let body = TTRPCRequest.test(TestMethods.letters, "65536").encoded()
                var frame = RawPeer.frame(1, UInt32(index * 2 + 1), body: body)
                bytes.writeBuffer(&frame)
            }
            bytes.writeImmutableBuffer(
                RawPeer.frame(1, 9999, body: TTRPCRequest.test(TestMethods.waitAtGate, "last").encoded()))
            peer.sendWithoutWaiting(bytes)
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
            #expect(server.gates.arrived("last") == 0)
            try await peer.beginReading()
            for index in 0..<count {
                let response = try await peer.nextResponse(on: UInt32(index * 2 + 1))
                #expect(response.payload.count > 65_536)
            }
            server.gates.open("last")
            #expect(try await peer.nextResponse(on: 9999).status == nil)
        }
    }
}
