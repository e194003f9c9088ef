// Random frames, altered requests and random cuts against a whole connection: nothing crashes, and as long as the
// frames are frames the connection serves the next good call. A seed that failed is named and replays.

import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

/// Random numbers that a seed brings back (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

struct HostileBytesTests {
    private static let requests: [[UInt8]] = [
        TTRPCRequest.healthCheck.encoded(),
        TTRPCRequest.test(TestMethods.repeatText, "some text", timeoutNano: 5_000_000_000).encoded(),
        TTRPCRequest.test(
            TestMethods.waitStubbornly, "closed", timeoutNano: .max,
            metadata: [TTRPCKeyValue(key: "K", value: "v")]
        ).encoded(),
        TTRPCRequest.test(TestMethods.fail, "status").encoded(),
    ]

    /// A whole frame: often a request, often altered, on one of a few ids.
    private func frame(_ random: inout Seeded) -> ByteBuffer {
        var body = Self.requests.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...3, using: &random) where !body.isEmpty {
            let index = Int.random(in: 0..<body.count, using: &random)
            switch UInt8.random(in: 0...3, using: &random) {
            case 0: body[index] = .random(in: 0...255, using: &random)
            case 1: body.remove(at: index)
            case 2: body.insert(.random(in: 0...255, using: &random), at: index)
            default: body.removeLast(body.count - index)
            }
        }
        if Int.random(in: 0..<50, using: &random) == 0 { body = [UInt8](repeating: 0x2a, count: 300_000) }
        let types: [UInt8] = [1, 1, 1, 1, 2, 3, 3, .random(in: 0...255, using: &random)]
        return RawPeer.frame(
            types.randomElement(using: &random) ?? 1, .random(in: 0...9, using: &random),
            flags: .random(in: 0...255, using: &random), body: body)
    }

    /// Sends the bytes in pieces of random size.
    private func send(_ bytes: ByteBuffer, to connection: InProcessConnection, _ random: inout Seeded) throws
    {
        var bytes = bytes
        while bytes.readableBytes > 0, connection.channel.isActive {
            let length = min(bytes.readableBytes, Int.random(in: 1...2000, using: &random))
            if let piece = bytes.readSlice(length: length) { try connection.channel.writeInbound(piece) }
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `after any frames the next good call is served`(seed: UInt64) throws {
        var random = Seeded(state: seed)
        for round in 0..<20 {
            let connection = try InProcessConnection()
            var bytes = ByteBuffer()
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                bytes.writeImmutableBuffer(frame(&random))
            }
            bytes.writeImmutableBuffer(RawPeer.frame(1, 99, body: TTRPCRequest.healthCheck.encoded()))
            try send(bytes, to: connection, &random)
            connection.loop.advanceTime(by: .seconds(10))
            var answers: [UInt32] = []
            while let write = try connection.nextWrite() { answers += write }
            #expect(answers.filter { $0 == 99 }.count == 1, "seed \(seed), round \(round)")
            connection.gates.open("closed")
            _ = try connection.channel.finish(acceptAlreadyClosed: true)
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `no bytes at all crash a connection`(seed: UInt64) throws {
        var random = Seeded(state: seed)
        for _ in 0..<50 {
            let connection = try InProcessConnection()
            var bytes = frame(&random)
            // Lengths and types are random too; a first byte of 0 keeps the connection reading for a while.
            for _ in 0..<200 {
                bytes.writeInteger(
                    UInt8.random(in: 0...3, using: &random) == 0 ? .random(in: 0...255, using: &random) : 0)
            }
            try send(bytes, to: connection, &random)
            connection.loop.run()
            connection.gates.open("closed")
            _ = try connection.channel.finish(acceptAlreadyClosed: true)
        }
    }
}
