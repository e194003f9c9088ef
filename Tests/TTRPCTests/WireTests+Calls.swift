// The server against raw bytes: what a frame holds, from the envelope of a request to the answer, its metadata included.

import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

extension WireTests {
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
