// The server against raw bytes: every row of the wire's rules for unary calls, and after each refusal the same
// connection serves the next good call.

import NIOCore
import ProtobufC
import TTRPCMessages
import TestWaiting
import Testing

@testable import TTRPC

struct WireTests {
    /// Connects to a server of its own.
    private func withPeer(
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

    // MARK: Envelopes

    /// Data that is not a Request, by what is wrong with it.
    static let badEnvelopes: [(String, [UInt8])] = [
        ("a varint cut", [0x20, 0xff]),
        ("a varint of eleven bytes", [0x20] + [UInt8](repeating: 0xff, count: 10) + [1]),
        ("a length beyond the rest", [0x0a, 5, 0x61]), ("field number 0", [0x02, 1, 0x61]),
        ("service as a number", [0x08, 1]), ("a group", [0x0b, 0x0c]), ("a reserved wire type", [0x0f]),
        ("a service that is not UTF-8", [0x0a, 1, 0xff]), ("a service with NUL", [0x0a, 1, 0]),
        ("a metadata key that is not UTF-8", [0x2a, 3, 0x0a, 1, 0xff]),
    ]

    @Test(arguments: badEnvelopes)
    func `data that is not a request is refused`(what: String, body: [UInt8]) async throws {
        try await withPeer { peer, _ in
            try await peer.sendFrame(1, 1, body: body)
            try await peer.expectRefusal(.invalidArgument, on: 1)
            try await peer.expectGoodCall(on: 3)
        }
    }

    /// Envelopes near the limit of a request that are small things in masses.
    static let crowdedEnvelopes: [(String, [UInt8])] = [
        ("empty metadata pairs", [0x2a, 0]), ("empty services", [0x0a, 0]), ("unknown numbers", [0x78, 0]),
        ("unknown strings", [0x7a, 0]),
    ]

    @Test(arguments: crowdedEnvelopes)
    func `an envelope of 131,000 small things is refused at once`(what: String, field: [UInt8]) async throws {
        try await withPeer { peer, _ in
            let crowd = [[UInt8]](repeating: field, count: 131_000).flatMap { $0 }
            let start = ContinuousClock.now
            try await peer.sendFrame(1, 1, body: crowd + TTRPCRequest.healthCheck.encoded())
            try await peer.expectRefusal(.invalidArgument, on: 1)
            // 20 ms by themselves; a busy machine takes longer, a quadratic decoder would take minutes.
            #expect(ContinuousClock.now - start < .seconds(10))
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `unknown fields of a request are skipped`() async throws {
        try await withPeer { peer, _ in
            let unknown: [UInt8] = [0x78, 1, 0x7a, 2, 1, 2, 0x7d, 1, 2, 3, 4]
            try await peer.sendFrame(1, 1, body: unknown + TTRPCRequest.healthCheck.encoded() + unknown)
            #expect(try await peer.nextResponse(on: 1).status == nil)
        }
    }

    @Test func `an unknown service and an unknown method are told apart`() async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(1, TTRPCRequest(service: "no.Service", method: "Check"))
            #expect(try await peer.expectRefusal(.unimplemented, on: 1) == "service no.Service")
            try await peer.sendRequest(3, TTRPCRequest(service: "grpc.health.v1.Health", method: "check"))
            #expect(try await peer.expectRefusal(.unimplemented, on: 3) == "method check")
            try await peer.sendRequest(5, TTRPCRequest())
            try await peer.expectRefusal(.unimplemented, on: 5)
            try await peer.expectGoodCall(on: 7)
        }
    }

    @Test func `the text of a refusal is at most 1 KiB of valid UTF-8`() async throws {
        try await withPeer { peer, _ in
            let name = String(repeating: "é", count: 5000)
            try await peer.sendRequest(1, TTRPCRequest(service: name, method: "Check"))
            let text = try await peer.expectRefusal(.unimplemented, on: 1)
            #expect(text.utf8.count == 1024)
            #expect(text == "service " + String(repeating: "é", count: 508))
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test(arguments: [[0x0a, 5, 0x61], [0x08, 1], [0x0a, 1, 0xff], [0x0a, 1, 0]] as [[UInt8]])
    func `a payload that is not the method's message is the caller's fault`(payload: [UInt8]) async throws {
        try await withPeer { peer, _ in
            var request = TTRPCRequest.healthCheck
            request.payload = payload
            try await peer.sendRequest(1, request)
            let text = try await peer.expectRefusal(.invalidArgument, on: 1)
            #expect(text.contains("grpc.health.v1.HealthCheckRequest"))
            try await peer.expectGoodCall(on: 3)
        }
    }

    // MARK: Results

    @Test func `a response of more than a frame becomes a refusal on that id`() async throws {
        try await withPeer { peer, _ in
            let most = (4 << 20) - 10
            try await peer.sendRequest(1, .test(TestMethods.letters, "\(most)"))
            let response = try await peer.nextFrame()
            #expect(response.header.length == 4 << 20)
            try await peer.sendRequest(3, .test(TestMethods.letters, "\(most + 1)"))
            try await peer.expectRefusal(.resourceExhausted, on: 3)
            try await peer.expectGoodCall(on: 5)
        }
    }

    @Test func `a handler's status is the answer, with its details`() async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(1, .test(TestMethods.fail, "status"))
            let response = try await peer.nextResponse(on: 1)
            let status = try #require(Status(wireForm: response.status))
            #expect(status.code == .failedPrecondition)
            #expect(status.message == "not now")
            #expect(status.errorInfo?.reason == "NOT_NOW")
            try await peer.expectGoodCall(on: 3)
        }
    }

    @Test func `a handler's other errors are answered without their text`() async throws {
        try await withPeer { peer, _ in
            try await peer.sendRequest(1, .test(TestMethods.fail, "other"))
            #expect(!(try await peer.expectRefusal(.internal, on: 1).contains("hunter2")))
            try await peer.sendRequest(3, .test(TestMethods.fail, "cancellation"))
            try await peer.expectRefusal(.cancelled, on: 3)
            try await peer.sendRequest(5, .test(TestMethods.fail, "ok"))
            try await peer.expectRefusal(.unknown, on: 5)
            try await peer.sendRequest(7, .test(TestMethods.fail, "long"))
            #expect(try await peer.expectRefusal(.aborted, on: 7).utf8.count == 1024)
            try await peer.expectGoodCall(on: 9)
        }
    }

    // MARK: Metadata

    @Test func `metadata keys are lower-cased and repeated keys keep their order`() async throws {
        try await withPeer { peer, _ in
            let pairs = [("X-Tenant", "A"), ("b", "1"), ("x-tenant", "C"), ("É", "é")]
            try await peer.sendRequest(
                1, .test(TestMethods.context, metadata: pairs.map { TTRPCKeyValue(key: $0.0, value: $0.1) }))
            let response = try await peer.nextResponse(on: 1)
            let text = try HealthCheckRequest(decoding: response.payload).service
            #expect(text == "x-tenant=A,b=1,x-tenant=C,É=é unix true")
        }
    }

    /// Metadata at and over the limits.
    static let metadataCases: [(String, [TTRPCKeyValue], Bool)] = [
        ("64 pairs", [TTRPCKeyValue](repeating: TTRPCKeyValue(key: "k", value: "v"), count: 64), true),
        ("65 pairs", [TTRPCKeyValue](repeating: TTRPCKeyValue(key: "k", value: "v"), count: 65), false),
        ("8 KiB", [TTRPCKeyValue(key: "k", value: String(repeating: "v", count: 8191))], true),
        ("8 KiB and a byte", [TTRPCKeyValue(key: "k", value: String(repeating: "v", count: 8192))], false),
        ("LF in a key", [TTRPCKeyValue(key: "a\nb", value: "v")], false),
        ("CR in a key", [TTRPCKeyValue(key: "a\rb", value: "v")], false),
        ("CR LF in a key", [TTRPCKeyValue(key: "a\r\nb", value: "v")], false),
    ]

    @Test(arguments: metadataCases)
    func `metadata is limited`(what: String, pairs: [TTRPCKeyValue], isAccepted: Bool) async throws {
        try await withPeer { peer, _ in
            var request = TTRPCRequest.healthCheck
            request.metadata = pairs
            try await peer.sendRequest(1, request)
            if isAccepted {
                #expect(try await peer.nextResponse(on: 1).status == nil)
            } else {
                try await peer.expectRefusal(.invalidArgument, on: 1)
            }
            try await peer.expectGoodCall(on: 3)
        }
    }
}
