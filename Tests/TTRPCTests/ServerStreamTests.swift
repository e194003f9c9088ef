// Streams of responses: raw bytes against the server, then client against server.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct ServerStreamTests {
    private func withPeer(
        _ configuration: ServerConfiguration = .patient, _ body: (RawPeer, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration) { server in
            try await body(try await RawPeer.connect(to: server.address), server)
        }
    }

    private func withClient(_ body: (Client, TestServer) async throws -> Void) async throws {
        try await TestServer.with { server in
            let client = try await Client.connect(to: server.address)
            try await body(client, server)
            await client.close()
        }
    }

    // MARK: Raw bytes

    @Test(arguments: [0, 1, 2, 6, 0xff] as [UInt8])
    func `messages are followed by a frame of their end, whatever the flags of the request`(
        flags: UInt8
    ) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .count(3), flags: flags)
            for number in 0..<3 { #expect(try await peer.nextText(on: 1) == "\(number)") }
            try await peer.expectEnd(of: 1)
            try await peer.expectGoodCall(on: 1)
        }
    }

    @Test func `an empty payload is the one request`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(
                1,
                TTRPCRequest(
                    service: FourKindsServiceMethods.count.service, method: FourKindsServiceMethods.count.name
                ))
            try await peer.expectEnd(of: 1)
        }
    }

    @Test func `a request that cannot be decoded is refused`() async throws {
        try await withPeer { peer, _ in
            var request = TTRPCRequest.count(3)
            request.payload = [0xff]
            try await peer.open(1, request)
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a failure behind messages is a response`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .count(2, then: "fail"))
            for number in 0..<2 { #expect(try await peer.nextText(on: 1) == "\(number)") }
            #expect(try await peer.expectRefusal(.aborted, on: 1) == "told to fail")
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [0, 1, 4, 5] as [UInt8])
    func `data on such a stream is refused once, and the call cancelled`(flags: UInt8) async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .count(1, then: "wait a"))
            #expect(try await peer.nextText(on: 1) == "0")
            for _ in 0..<2 { try await peer.sendFrame(3, 1, flags: flags) }
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `data for a stream that has ended is dropped`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .count(0))
            try await peer.expectEnd(of: 1)
            try await peer.sendFrame(3, 1, body: [1, 2, 3])
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `at the deadline a stream is ended and its task cancelled`() async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .count(1, then: "wait a", timeoutNano: 50_000_000))
            #expect(try await peer.nextText(on: 1) == "0")
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `the handlers of a client that is gone are cancelled`() async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .count(1, then: "wait a"))
            #expect(try await peer.nextText(on: 1) == "0")
            try await peer.close()
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
        }
    }

    @Test func `a message that is too long for a frame fails its stream only`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .count(1, bytes: 4 << 20))
            try await peer.expectRefusal(.resourceExhausted, on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a stream that is not read waits, and the other calls of the server go on`() async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address, autoRead: false)
            // Far more than the sockets hold.
            try await peer.open(1, .count(2000, bytes: 10_000))
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
            try await peer.beginReading()
            for number in 0..<2000 {
                #expect(try await peer.nextText(on: 1).hasPrefix("\(number)x"))
            }
            try await peer.expectEnd(of: 1)
        }
    }

    @Test func `two streams that send as fast as they can take turns`() async throws {
        try await withPeer { peer, _ in
            var bytes = RawPeer.frame(1, 1, body: TTRPCRequest.count(1000, bytes: 1000).encoded())
            bytes.writeImmutableBuffer(
                RawPeer.frame(1, 3, body: TTRPCRequest.count(1000, bytes: 1000).encoded()))
            bytes.writeImmutableBuffer(RawPeer.frame(1, 5, body: TTRPCRequest.healthCheck.encoded()))
            try await peer.send(bytes)
            var counts: [UInt32: Int] = [:]
            while counts[1, default: 0] < 500 {
                counts[try await peer.nextFrame().header.streamID, default: 0] += 1
            }
            #expect(counts[3, default: 0] > 250)
            #expect(counts[5] == 1)
        }
    }

    @Test func `a stream that would never end is answered when the server drains`() async throws {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, TTRPCRequest(service: "grpc.health.v1.Health", method: "Watch"))
            #expect(try await peer.nextFrame().header.type == 3)
            await server.server.shutdown()
            try await peer.expectRefusal(.unavailable, on: 1)
            try await peer.expectClosed()
            try await eventually("the end of the watcher") { server.health.watcherCount == 0 }
        }
    }

    @Test func `a stream that ends by itself may go on while the server drains`() async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .count(1, then: "wait a"))
            #expect(try await peer.nextText(on: 1) == "0")
            async let shutdown: Void = server.server.shutdown()
            try await eventually("no way in") { (try? await RawPeer.connect(to: server.address)) == nil }
            server.gates.open("a")
            try await peer.expectEnd(of: 1)
            try await peer.expectClosed()
            await shutdown
        }
    }

    // MARK: Client against server

    @Test func `a client takes every message in order`() async throws {
        try await withClient { client, _ in
            var texts: [String] = []
            let responses = client.serverStream(
                FourKindsServiceMethods.count, CountRequest(messages: 5000, bytes: 100))
            for try await response in responses { texts.append(String(response.text.prefix { $0 != "x" })) }
            #expect(texts == (0..<5000).map(String.init))
        }
    }

    @Test func `a client hears how a stream fails, behind its messages`() async throws {
        try await withClient { client, _ in
            var count = 0
            let error = await failure {
                let responses = client.serverStream(
                    FourKindsServiceMethods.count, CountRequest(messages: 7, then: "fail"))
                for try await _ in responses { count += 1 }
            }
            #expect(error?.code == .aborted)
            #expect(count == 7)
        }
    }

    @Test func `a stream ends at its timeout`() async throws {
        try await withClient { client, server in
            let responses = client.serverStream(
                FourKindsServiceMethods.count, CountRequest(messages: 1, then: "wait a"),
                timeout: .milliseconds(50))
            let error = await failure { for try await _ in responses {} }
            #expect(error?.code == .deadlineExceeded)
            let late = client.serverStream(FourKindsServiceMethods.count, CountRequest(), timeout: .zero)
            let refusal = await failure { for try await _ in late {} }
            #expect(refusal?.transportFailure == .neverSent)
        }
    }

    @Test func `a cancelled task stops waiting for a stream`() async throws {
        try await withClient { client, server in
            let task = Task {
                let responses = client.serverStream(
                    FourKindsServiceMethods.count, CountRequest(messages: 1, then: "wait a"))
                for try await _ in responses {}
            }
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error?.code == .cancelled)
            server.gates.open("a")
            let answer = try await client.call(FourKindsServiceMethods.echo, EchoRequest(text: "b"))
            #expect(answer.text == "b")
        }
    }

    @Test func `a stream that nobody holds any more is forgotten`() async throws {
        try await withClient { client, server in
            for _ in 0..<3 {
                for try await response in client.serverStream(
                    FourKindsServiceMethods.count, CountRequest(messages: 100_000, bytes: 1000))
                {
                    #expect(response.text.hasPrefix("0x"))
                    break
                }
            }
            let answer = try await client.call(FourKindsServiceMethods.echo, EchoRequest(text: "b"))
            #expect(answer.text == "b")
        }
    }

    @Test func `a stream fails with its connection`() async throws {
        try await withClient { client, server in
            var responses = client.serverStream(
                FourKindsServiceMethods.count, CountRequest(messages: 1, then: "wait a")
            ).makeAsyncIterator()
            let first = try await responses.next()
            #expect(first?.text == "0")
            await client.close()
            let error = await failure { _ = try await responses.next() }
            #expect(error?.code == .unavailable)
            #expect(error?.transportFailure == .outcomeUnknown)
            let late = client.serverStream(FourKindsServiceMethods.count, CountRequest())
            let refusal = await failure { for try await _ in late {} }
            #expect(refusal?.transportFailure == .neverSent)
        }
    }
}
