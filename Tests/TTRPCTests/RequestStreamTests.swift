// Streams of requests and streams both ways: raw bytes against the server, every row of the wire's rules, and after
// each refusal the same connection serves the next good call.

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

struct RequestStreamTests {
    private func withPeer(
        _ configuration: ServerConfiguration = .patient, _ body: (RawPeer, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration) { server in
            try await body(try await RawPeer.connect(to: server.address), server)
        }
    }

    // MARK: One response

    @Test(arguments: [0, 2, 6, 0xfe] as [UInt8])
    func `messages are answered with a response behind their end, whatever else the flags say`(
        flags: UInt8
    ) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join(), flags: flags)
            try await peer.say("a", on: 1)
            try await peer.say("b", on: 1)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectText("a,b", on: 1)
            try await peer.expectGoodCall(on: 1)
        }
    }

    @Test func `a payload in the request is the first message, unless it is empty`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.say("b", on: 1)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectText("a,b", on: 1)
            try await peer.open(3, .join("a"), flags: 4)
            try await peer.sendFrame(3, 3, flags: 5)
            try await peer.expectText("a", on: 3)
        }
    }

    @Test(arguments: [nil, "a"] as [String?])
    func `a request that closes the client's side at once is answered at once`(first: String?) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join(first), flags: 1)
            try await peer.expectText(first ?? "", on: 1)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.open(3, .chat(first), flags: 1)
            if let first { #expect(try await peer.nextText(on: 3) == first) }
            try await peer.expectEnd(of: 3)
        }
    }

    @Test func `bytes in the frame that closes the client's side are the last message`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join())
            try await peer.say("a", on: 1)
            try await peer.say("b", on: 1, flags: 1)
            try await peer.expectText("a,b", on: 1)
        }
    }

    @Test func `an empty frame is an empty message, unless its flags say that it is none`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.sendFrame(3, 1)
            try await peer.sendFrame(3, 1, flags: 4)
            try await peer.say("b", on: 1)
            try await peer.sendFrame(3, 1, flags: 1)
            try await peer.expectText("a,,b,", on: 1)
        }
    }

    @Test(arguments: [4, 5, 7] as [UInt8])
    func `bytes in a frame that has none by its flags are refused, and the stream ends`(
        flags: UInt8
    ) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.say("b", on: 1, flags: flags)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [0, 4, 5] as [UInt8])
    func `data behind the end of the client's side is refused once, and the call cancelled`(
        flags: UInt8
    ) async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .join("wait a"))
            try await peer.sendFrame(3, 1, flags: 5)
            for _ in 0..<2 { try await peer.sendFrame(3, 1, flags: flags) }
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [nil, "a"] as [String?])
    func `a message that cannot be decoded is refused, and the stream ends`(first: String?) async throws {
        try await withPeer { peer, _ in
            for (id, request) in [(1, TTRPCRequest.join(first)), (3, .chat())] as [(UInt32, TTRPCRequest)] {
                try await peer.open(id, request)
                try await peer.sendFrame(3, id, body: [0xff])
                try await peer.say("b", on: id)
                try await peer.sendFrame(3, id, flags: 5)
                try await peer.expectRefusal(.invalidArgument, on: id)
            }
            try await peer.expectGoodCall(on: 5)
        }
    }

    @Test(arguments: ["leave", "fail"])
    func `data that comes after an early answer is dropped`(order: String) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.say(order, on: 1)
            if order == "leave" {
                try await peer.expectText("a", on: 1)
            } else {
                try await peer.expectRefusal(.aborted, on: 1)
            }
            try await peer.say("b", on: 1)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a message over the limit is refused from its header, and the stream ends`() async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .join("wait a"))
            try await peer.sendFrame(3, 1, body: [UInt8](repeating: 1, count: (256 << 10) + 1))
            try await peer.expectRefusal(.resourceExhausted, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [0, 2, 4, 77, 255] as [UInt8])
    func `a frame of another type on an open stream is skipped`(type: UInt8) async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.sendFrame(type, 1, flags: 1, body: [1, 2, 3])
            try await peer.say("b", on: 1, flags: 1)
            try await peer.expectText("a,b", on: 1)
        }
    }

    @Test func `a request on an open stream is refused once, and its call cancelled`() async throws {
        try await withPeer { peer, server in
            try await peer.open(1, .join("wait a"))
            try await peer.open(1, .join("b"))
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 1)
        }
    }

    @Test func `a stream that its client leaves open ends at its deadline`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a", timeoutNano: 20_000_000))
            try await peer.expectRefusal(.deadlineExceeded, on: 1)
            try await peer.say("b", on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a stream that is cut by the end of the client's side is not complete`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .join("a"))
            try await peer.open(3, .chat("b"))
            #expect(try await peer.nextText(on: 3) == "b")
            try await peer.closeOutput()
            var refused: Set<UInt32> = []
            for _ in 0..<2 {
                let frame = try await peer.nextFrame()
                #expect(try frame.response().status?.code == StatusCode.cancelled.rawValue)
                refused.insert(frame.header.streamID)
            }
            #expect(refused == [1, 3])
            try await peer.expectClosed()
        }
    }

    @Test func `streams count against the limit of calls`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.maximumCallsPerConnection = 2
        try await withPeer(configuration) { peer, _ in
            try await peer.open(1, .join())
            try await peer.open(3, .chat())
            try await peer.sendRequest(5, .healthCheck)
            try await peer.expectRefusal(.resourceExhausted, on: 5)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectText("", on: 1)
            try await peer.expectGoodCall(on: 5)
            try await peer.sendFrame(3, 3, flags: 5)
            try await peer.expectEnd(of: 3)
        }
    }

    // MARK: Both ways

    @Test func `messages go both ways until both have ended`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .chat(), flags: 2)
            try await peer.open(3, .chat("x"), flags: 2)
            #expect(try await peer.nextText(on: 3) == "x")
            for text in ["a", "", "b"] {
                try await peer.say(text, on: 1)
                #expect(try await peer.nextText(on: 1) == text)
            }
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectEnd(of: 1)
            try await peer.sendFrame(3, 3, flags: 5)
            try await peer.expectEnd(of: 3)
        }
    }

    @Test func `the server may end first, and late data is dropped`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .chat("a"))
            #expect(try await peer.nextText(on: 1) == "a")
            try await peer.say("leave", on: 1)
            try await peer.expectEnd(of: 1)
            try await peer.say("b", on: 1)
            try await peer.sendFrame(3, 1, flags: 5)
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `the server may fail at any time`() async throws {
        try await withPeer { peer, _ in
            try await peer.open(1, .chat("a"))
            #expect(try await peer.nextText(on: 1) == "a")
            try await peer.say("fail", on: 1)
            try await peer.expectRefusal(.aborted, on: 1)
            try await peer.say("b", on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }
}
