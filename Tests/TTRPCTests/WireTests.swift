// The server against raw bytes: every row of the wire's rules for unary calls, here those of frames and stream ids, and
// after each refusal the same connection serves the next good call.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct WireTests {
    /// Connects to a server of its own.
    func withPeer(
        _ configuration: ServerConfiguration = ServerConfiguration(),
        _ body: (RawPeer, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration) { server in
            try await body(try await RawPeer.connect(to: server.address), server)
        }
    }

    // MARK: Frames

    @Test func `a request that comes byte by byte is served`() async throws {
        try await withPeer { peer, _ in
            let bytes = RawPeer.frame(
                1, 1, body: TTRPCRequest.test(TestMethods.repeatText, "hello").encoded())
            for byte in bytes.readableBytesView { try await peer.send([byte]) }
            let response = try await peer.nextResponse(on: 1)
            #expect(try HealthCheckRequest(decoding: response.payload).service == "hello")
        }
    }

    @Test func `many requests in one write are all answered`() async throws {
        try await withPeer { peer, _ in
            var bytes = ByteBuffer()
            let ids = (0..<500).map { UInt32($0 * 2 + 1) }
            for id in ids {
                var frame = RawPeer.frame(
                    1, id, body: TTRPCRequest.test(TestMethods.repeatText, "\(id)").encoded())
                bytes.writeBuffer(&frame)
            }
            try await peer.send(bytes)
            for id in ids {
                let response = try await peer.nextResponse(on: id)
                #expect(try HealthCheckRequest(decoding: response.payload).service == "\(id)")
            }
        }
    }

    @Test func `an empty response is a frame without data`() async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(1, .test(TestMethods.repeatText, ""))
            #expect(try await peer.nextFrame().body == [])
        }
    }

    @Test(arguments: [0x01, 0x02, 0x04, 0x07, 0xf8, 0xff] as [UInt8])
    func `the flags of a unary request do not matter`(flags: UInt8) async throws {
        try await withPeer { peer, _ in
            try await peer.sendFrame(1, 1, flags: flags, body: TTRPCRequest.healthCheck.encoded())
            #expect(try await peer.nextResponse(on: 1).status == nil)
        }
    }

    @Test func `a request of exactly the limit is accepted`() async throws {
        try await withPeer { peer, _ in
            let overhead =
                TTRPCRequest.test(TestMethods.repeatText, String(repeating: "x", count: 200_000))
                .encoded().count - 200_000
            let text = String(repeating: "x", count: (256 << 10) - overhead)
            let body = TTRPCRequest.test(TestMethods.repeatText, text).encoded()
            #expect(body.count == 256 << 10)
            try await peer.sendFrame(1, 1, body: body)
            let response = try await peer.nextResponse(on: 1)
            #expect(try HealthCheckRequest(decoding: response.payload).service.utf8.count == text.utf8.count)
        }
    }

    @Test func `the limit can be raised to that of the protocol`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumRequestBytes = .max
        #expect(configuration.maximumRequestBytes == 4 << 20)
        try await withPeer(configuration) { peer, _ in
            let overhead =
                TTRPCRequest.test(TestMethods.repeatText, String(repeating: "x", count: 4_000_000))
                .encoded().count - 4_000_000
            let text = String(repeating: "x", count: (4 << 20) - overhead)
            let body = TTRPCRequest.test(TestMethods.repeatText, text).encoded()
            #expect(body.count == 4 << 20)
            peer.sendWithoutWaiting(RawPeer.frame(1, 1, body: body))
            let response = try await peer.nextResponse(on: 1)
            #expect(response.payload.count > 4_000_000)
        }
    }

    @Test(arguments: [(256 << 10) + 1, 4 << 20, (4 << 20) + 1, (16 << 20) - 1] as [UInt32])
    func `a request over the limit is refused from its header and its body is skipped`(
        length: UInt32
    ) async throws {
        try await withPeer { peer, _ in
            var header = ByteBuffer()
            header.writeFrameHeader(FrameHeader(length: length, streamID: 1, type: 1))
            try await peer.send(header)
            try await peer.expectRefusal(.resourceExhausted, on: 1)
            try await peer.send(ByteBuffer(repeating: 0xff, count: Int(length)))
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{03}\u{01}", "\u{01}"])
    func `a first byte other than 0 closes the connection without an answer`(text: String) async throws {
        try await withPeer { peer, _ in
            try await peer.send(Array(text.utf8))
            try await peer.expectClosed()
        }
    }

    @Test func `answers that were ready before nonsense are still sent`() async throws {
        try await withPeer { peer, _ in
            var bytes = RawPeer.frame(1, 1, body: TTRPCRequest.healthCheck.encoded())
            bytes.writeString("GET / HTTP/1.1\r\n\r\n")
            try await peer.send(bytes)
            #expect(try await peer.nextResponse(on: 1).status == nil)
            try await peer.expectClosed()
        }
    }

    @Test(arguments: [0, 2, 4, 77, 255] as [UInt8])
    func `a frame of another type is skipped without an answer`(type: UInt8) async throws {
        try await withPeer { peer, _ in
            try await peer.sendFrame(type, 1, body: [UInt8](repeating: 1, count: 1000))
            try await peer.sendFrame(type, 2)
            try await peer.expectGoodCall(on: 1)
        }
    }

    @Test func `too many useless frames close the connection`() async throws {
        try await withPeer { peer, _ in
            // At once: they are counted by the ten seconds they come in.
            var frames = ByteBuffer()
            for _ in 0..<200 { frames.writeImmutableBuffer(RawPeer.frame(9, 1, body: [])) }
            try await peer.send(frames)
            try await peer.expectGoodCall(on: 1)
            try await peer.sendFrame(9, 1)
            try await peer.expectClosed()
        }
    }

    @Test func `a body that is cut by the end of the connection is not served`() async throws {
        try await withPeer { peer, server in
            var frame = RawPeer.frame(1, 1, body: TTRPCRequest.test(TestMethods.waitAtGate, "cut").encoded())
            try await peer.send(frame.readSlice(length: frame.readableBytes - 1) ?? ByteBuffer())
            try await peer.closeOutput()
            try await peer.expectClosed()
            #expect(server.gates.arrived("cut") == 0)
        }
    }

    // MARK: Stream ids

    @Test(arguments: [0, 2, 0xffff_fffe] as [UInt32])
    func `an even stream id is refused on that id`(id: UInt32) async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(id, .healthCheck)
            try await peer.expectRefusal(.invalidArgument, on: id)
            try await peer.expectGoodCall(on: 1)
        }
    }

    @Test func `odd ids are served in any order, and again when they are free`() async throws {
        try await withPeer { peer, _ in
            for id: UInt32 in [0xffff_ffff, 3, 1, 3, 3, 7, 5] { try await peer.expectGoodCall(on: id) }
        }
    }

    @Test func `an id in use is refused once, and its call cancelled`() async throws {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.sendRequest(1, .healthCheck)
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 1)
        }
    }

    // MARK: Data frames

    @Test func `data for a unary call is refused once, and the call cancelled`() async throws {
        try await withPeer { peer, server in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            try await peer.sendFrame(3, 1, body: [1, 2, 3])
            try await peer.sendFrame(3, 1, flags: 1)
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `data for an id that was never opened is refused`() async throws {
        try await withPeer { peer, _ in
            try await peer.sendFrame(3, 5, body: [1])
            try await peer.expectRefusal(.invalidArgument, on: 5)
            try await peer.sendFrame(3, 4, body: [1])
            try await peer.expectRefusal(.invalidArgument, on: 4)
            try await peer.expectGoodCall(on: 5)
        }
    }

    @Test func `data for a finished id is dropped`() async throws {
        try await withPeer { peer, _ in
            try await peer.expectGoodCall(on: 5)
            try await peer.sendFrame(3, 5, body: [1])
            try await peer.sendFrame(3, 3, flags: 5)
            try await peer.expectGoodCall(on: 7)
        }
    }
}
