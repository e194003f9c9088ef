// The client's streams against a server that ends them in every way there is, or misbehaves.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct StreamsOfBadServerTests {
    /// Connects a client to a server that is written out in the test.
    private func withServer(_ body: (Client, RawPeer) async throws -> Void) async throws {
        let path = TestServer.temporaryPath()
        let (listener, peers) = try await RawPeer.listen(at: path)
        let client = try await Client.connect(to: .unix(path: path))
        for await server in peers {
            try await body(client, server)
            break
        }
        await client.close()
        try await listener.close()
    }

    private struct Outcome {
        var texts: [String] = []
        var error: Status?
    }

    /// Opens a stream of responses and has the server send these bytes for it; what the client makes of them.
    private func outcome(of frames: (UInt32) -> [ByteBuffer]) async throws -> Outcome {
        var outcome = Outcome()
        try await withServer { client, server in
            let responses = client.serverStream(FourKindsServiceMethods.count, CountRequest(messages: 7))
            let request = try await server.nextFrame()
            #expect(request.header.type == 1)
            #expect(request.header.flags == 1)
            for frame in frames(request.header.streamID) { try await server.send(frame) }
            do throws(Status) {
                for try await response in responses { outcome.texts.append(response.text) }
            } catch {
                outcome.error = error
            }
            // The next call on the same connection is in order.
            let call = Task { try await client.call(service: "s", method: "good", payload: []) }
            let next = try await server.nextFrame()
            try await server.sendFrame(2, next.header.streamID, body: TTRPCResponse(payload: [7]).encoded())
            let answer = try await call.value
            #expect(answer == [7])
        }
        return outcome
    }

    private func text(_ text: String, _ streamID: UInt32, flags: UInt8 = 0) -> ByteBuffer {
        RawPeer.frame(3, streamID, flags: flags, body: Text(text: text).encoded())
    }

    @Test func `a stream ends with a frame of its end`() async throws {
        let outcome = try await outcome { id in
            [text("a", id), text("", id), RawPeer.frame(3, id, flags: 4, body: []), text("b", id)]
                + [RawPeer.frame(3, id, flags: 5, body: []), text("late", id)]
        }
        #expect(outcome.texts == ["a", "", "b"])
        #expect(outcome.error == nil)
    }

    @Test func `a stream ends with an empty response of success`() async throws {
        let outcome = try await outcome { [text("a", $0), RawPeer.frame(2, $0, body: [])] }
        #expect(outcome.texts == ["a"])
        #expect(outcome.error == nil)
    }

    @Test func `a payload in a response of success is one more message`() async throws {
        let body = TTRPCResponse(payload: Text(text: "b").encoded()).encoded()
        let outcome = try await outcome { [text("a", $0), RawPeer.frame(2, $0, body: body)] }
        #expect(outcome.texts == ["a", "b"])
        #expect(outcome.error == nil)
    }

    @Test func `a message in the frame that ends a stream is its last`() async throws {
        let outcome = try await outcome { [text("a", $0), text("b", $0, flags: 1)] }
        #expect(outcome.texts == ["a", "b"])
        #expect(outcome.error == nil)
    }

    @Test func `a failure comes behind the messages before it`() async throws {
        let body = TTRPCResponse(status: RPCStatus(code: 9, message: "no")).encoded()
        let outcome = try await outcome { [text("a", $0), RawPeer.frame(2, $0, body: body)] }
        #expect(outcome.texts == ["a"])
        #expect(outcome.error?.code == .failedPrecondition)
    }

    @Test(
        arguments: [(3, 4, [1]), (3, 5, [1]), (1, 0, []), (4, 0, []), (2, 0, [0xff])]
            as [(UInt8, UInt8, [UInt8])])
    func `a frame that makes no sense fails its stream`(type: UInt8, flags: UInt8, body: [UInt8]) async throws
    {
        let outcome = try await outcome {
            [text("a", $0), RawPeer.frame(type, $0, flags: flags, body: body)]
        }
        #expect(outcome.texts == ["a"])
        #expect(outcome.error?.code == .internal)
    }

    @Test func `a message that cannot be decoded fails its stream`() async throws {
        let outcome = try await outcome {
            [text("a", $0), RawPeer.frame(3, $0, body: [0xff]), text("b", $0)]
        }
        #expect(outcome.texts == ["a"])
        #expect(outcome.error?.code == .internal)
    }

    @Test func `a message over the limit of the protocol fails its stream and is skipped`() async throws {
        let body = [UInt8](repeating: 0, count: (4 << 20) + 1)
        let outcome = try await outcome { [RawPeer.frame(3, $0, body: body)] }
        #expect(outcome.error?.code == .resourceExhausted)
    }

    @Test func `requests are sent as the protocol has them`() async throws {
        try await withServer { client, server in
            let call = client.clientStream(FourKindsServiceMethods.join, metadata: ["K": "v"])
            let request = try await server.nextFrame()
            #expect(request.header.flags == 6)
            let envelope = try TTRPCRequest(decoding: request.body)
            #expect(envelope.payload == [])
            #expect(envelope.metadata == [TTRPCKeyValue(key: "k", value: "v")])
            for text in ["a", ""] { try await call.requests.send(JoinRequest(text: text)) }
            call.requests.finish()
            call.requests.finish()
            let id = request.header.streamID
            let first = try await server.nextFrame()
            #expect(
                first
                    == RawFrame(header: FrameHeader(length: 3, streamID: id, type: 3), body: [0x0a, 1, 0x61]))
            let second = try await server.nextFrame()
            #expect(second.header == FrameHeader(length: 0, streamID: id, type: 3))
            let end = try await server.nextFrame()
            #expect(end.header == FrameHeader(length: 0, streamID: id, type: 3, flags: 5))
            try await server.sendFrame(
                2, id, body: TTRPCResponse(payload: Text(text: "x").encoded()).encoded())
            let answer = try await call.finish()
            #expect(answer.text == "x")
        }
    }

    @Test func `data on a call with one response fails it`() async throws {
        try await withServer { client, server in
            let call = client.clientStream(FourKindsServiceMethods.join)
            let request = try await server.nextFrame()
            try await server.send(text("a", request.header.streamID))
            let error = await failure { _ = try await call.finish() }
            #expect(error?.code == .internal)
        }
    }

    @Test func `a server that sends without end costs a bounded amount of memory`() async throws {
        try await withServer { client, server in
            let responses = client.serverStream(FourKindsServiceMethods.count, CountRequest())
            let id = try await server.nextFrame().header.streamID
            var frames = ByteBuffer()
            for _ in 0..<100 { frames.writeImmutableBuffer(text(String(repeating: "x", count: 10_000), id)) }
            for _ in 0..<20 { server.sendWithoutWaiting(frames) }
            let call = Task { try await client.call(service: "s", method: "good", payload: []) }
            let next = try await server.nextFrame()
            server.sendWithoutWaiting(RawPeer.frame(2, next.header.streamID, body: []))
            // Its answer comes behind the messages, so it is read when the stream has gone.
            _ = try await call.value
            #expect(responses.stream.stream.responses.byteCount <= (256 << 10) + 10_003)
            let error = await failure { for try await _ in responses {} }
            #expect(error?.code == .resourceExhausted)
        }
    }
}
