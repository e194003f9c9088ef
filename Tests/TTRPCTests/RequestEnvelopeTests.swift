// The reader of envelopes by hand against protobuf-c behind its checks: both take and refuse the same, and find the same.

import ProtobufC
import RPCMessages
import TTRPCMessages
import Testing

@testable import RPC
@testable import TTRPC

@Suite struct RequestEnvelopeTests {
    private static let requests = [
        TTRPCRequest(),
        TTRPCRequest(service: "grpc.health.v1.Health", method: "Check"),
        TTRPCRequest(service: "s", method: "m", payload: Array(repeating: 7, count: 200), timeoutNano: .max),
        TTRPCRequest(
            service: "clinic.v1.Bücher", method: "m", payload: [0], timeoutNano: -1,
            metadata: [
                TTRPCKeyValue(key: "K", value: "v"), TTRPCKeyValue(), TTRPCKeyValue(key: "é", value: "ß"),
            ]),
    ].map { $0.encoded() }

    /// Bytes that mutations seldom make, but a peer may.
    private static let odd: [[UInt8]] = [
        [0x0A, 1, 0x61, 0x0A, 1, 0x62],  // a field twice: the last one counts
        [0x0A, 1, 0xFF, 0x0A, 1, 0x62],  // also where the first one is no text
        [0x0A, 1, 0xFF], [0x12, 1, 0x00], [0x0A, 2, 0x61], [0x08, 1], [0x22, 1, 0], [0x28, 1],
        [0x2A, 3, 0x0A, 1, 0xFF], [0x2A, 3, 0x12, 1, 0x00], [0x2A, 2, 0x08, 1], [0x2A, 2, 0x18, 1],
        [0x2A, 6, 0x0A, 1, 0xFF, 0x0A, 1, 0x62], [0x2A, 1, 0x0A],
        [0x20] + Array(repeating: 0xFF, count: 9) + [0x01],
        [0x20] + Array(repeating: 0xFF, count: 9) + [0x7F],
        [0x20] + Array(repeating: 0xFF, count: 10) + [0x01],
        [0x00, 1], [0x33], [0x34], [0x36, 1], [0x31, 1, 2, 3, 4, 5, 6, 7, 8], [0x35, 1, 2, 3],
        [0x8A, 0x80, 0x80, 0x80, 0x00, 1, 0x61], [0x8A, 0x80, 0x80, 0x80, 0x80, 0x00, 1, 0x61],
        [0x8A, 0x80, 0x80, 0x80, 0x10, 1, 0x61], [0x0A, 0x81, 0x80, 0x00, 0x61],
    ]

    private func check(_ bytes: [UInt8]) {
        let expected = try? TTRPCRequest(decoding: bytes)
        let found = bytes.withUnsafeBytes { RequestEnvelope($0).map(TTRPCRequest.init) }
        #expect(found == expected, "\(bytes)")
        for remembered in [bytes] + Self.requests {
            #expect(Self.read(bytes, after: remembered) == expected, "\(bytes) after \(remembered)")
        }
    }

    /// What is read of an envelope on a connection where another one came before.
    private static func read(_ bytes: [UInt8], after other: [UInt8]) -> TTRPCRequest? {
        var cache = MetadataCache()
        other.withUnsafeBytes { bytes in
            guard let envelope = RequestEnvelope(bytes) else { return }
            var limits = ServerConfiguration()
            limits.maximumMetadataPairs = .max
            limits.maximumMetadataBytes = .max
            _ = try? cache.metadata(of: envelope, MetadataLimits(limits))
        }
        return bytes.withUnsafeBytes {
            RequestEnvelope($0, expected: names(in: other), cache: cache).map(TTRPCRequest.init)
        }
    }

    /// The names in an envelope; nil if that is none.
    private static func names(in envelope: [UInt8]) -> EncodedNames? {
        guard let request = try? TTRPCRequest(decoding: envelope) else { return nil }
        return EncodedNames(service: request.service, method: request.method)
    }

    @Test func `the names of the expected method are known, and no others`() throws {
        let first = TTRPCRequest(service: "grpc.health.v1.Health", method: "Check").encoded()
        let names = try #require(Self.names(in: first))
        func isKnown(_ bytes: [UInt8]) -> Bool? {
            bytes.withUnsafeBytes { RequestEnvelope($0, expected: names)?.hasExpectedNames }
        }
        #expect(isKnown(first) == true)
        #expect(isKnown(first + [0x1A, 1, 7, 0x20, 1]) == true)
        #expect(isKnown(first + [0x12, 1, 0x61]) == false, "another method behind it, which counts")
        #expect(isKnown(first + [0x12, 1, 0xFF]) == nil, "what is behind it is no text")
        #expect(isKnown(first.dropLast()) == nil)
        #expect(
            isKnown(TTRPCRequest(service: "grpc.health.v1.Health", method: "Checks").encoded()) == false)
        #expect(isKnown(TTRPCRequest(service: "grpc.health.v1.Health").encoded()) == false)
        #expect(isKnown([]) == false)
    }

    @Test func `metadata that comes again is known again, and no other`() throws {
        let pairs = [TTRPCKeyValue(key: "authorization", value: "Bearer one"), TTRPCKeyValue(key: "k")]
        let first = TTRPCRequest(service: "s", method: "m", metadata: pairs).encoded()
        var cache = MetadataCache()
        try first.withUnsafeBytes { bytes in
            let envelope = try #require(RequestEnvelope(bytes))
            _ = try cache.metadata(of: envelope, MetadataLimits(ServerConfiguration()))
        }
        func isKnown(_ bytes: [UInt8]) -> Bool? {
            bytes.withUnsafeBytes { RequestEnvelope($0, cache: cache)?.hasCachedPairs }
        }
        let again = TTRPCRequest(service: "other", method: "x", payload: [1], metadata: pairs).encoded()
        #expect(isKnown(first) == true)
        #expect(isKnown(again) == true)
        #expect(isKnown(again + [0x20, 1]) == false)
        #expect(isKnown(TTRPCRequest(service: "s", method: "m", metadata: [pairs[0]]).encoded()) == false)
        let other = [TTRPCKeyValue(key: "authorization", value: "Bearer two"), TTRPCKeyValue(key: "k")]
        #expect(isKnown(TTRPCRequest(service: "s", method: "m", metadata: other).encoded()) == false)
        #expect(isKnown(Array(again.dropFirst(7))) == true, "without a service")
        #expect(
            isKnown(
                [0x12, 1, 0xFF]
                    + again.suffix(pairs.reduce(0) { $0 + TTRPCRequest(metadata: [$1]).encoded().count }))
                == nil, "with a method that is no text")
    }

    @Test func `metadata that comes again counts against the fields as it did before`() {
        let pairs = [UInt8](repeatElement([0x2A, 0] as [UInt8], count: 100).joined())
        for count in [16_284, 16_285] {
            let bytes = [UInt8](repeatElement([0x30, 0] as [UInt8], count: count).joined()) + pairs
            #expect((Self.read(bytes, after: pairs) != nil) == (count == 16_284))
        }
    }

    @Test func `what is odd is taken or refused as protobuf-c does it`() {
        for bytes in Self.requests + Self.odd { check(bytes) }
        for request in Self.requests {
            for count in 0..<request.count { check(Array(request.prefix(count))) }
            for other in Self.odd { check(request + other) }
        }
    }

    @Test func `changed bytes are taken or refused as protobuf-c does it`() {
        var random = Generator()
        for _ in 0..<20_000 {
            var bytes = Self.requests[Int(random.next() % UInt64(Self.requests.count))]
            for _ in 0...random.next() % 4 {
                let index = Int(random.next() % UInt64(bytes.count + 1))
                if index == bytes.count || random.next() % 4 == 0 {
                    bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
                } else {
                    bytes[index] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            check(bytes)
        }
    }

    @Test(arguments: [16_384, 16_385])
    func `as many fields are too many for both`(count: Int) {
        check(Array(repeatElement([0x30, 0] as [UInt8], count: count).joined()))
        check(Array(repeatElement([0x2A, 0] as [UInt8], count: count).joined()))
        check(Array(repeatElement([0x2A, 2, 0x18, 0] as [UInt8], count: count / 2).joined()) + [0x30, 0])
    }
}

extension TTRPCRequest {
    fileprivate init(_ envelope: RequestEnvelope) {
        self.init(
            service: String(decoding: envelope.service, as: UTF8.self),
            method: String(decoding: envelope.method, as: UTF8.self), payload: Array(envelope.payload),
            timeoutNano: envelope.timeoutNano)
        envelope.forEachPair { pair in
            metadata.append(
                TTRPCKeyValue(
                    key: String(decoding: pair.key, as: UTF8.self),
                    value: String(decoding: pair.value, as: UTF8.self)))
        }
    }
}

/// SplitMix64, so that a failure comes again.
private struct Generator: RandomNumberGenerator {
    private var state: UInt64 = 20_261_123

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
