// The hand-written beginning of an OK answer against what protobuf-c packs for the same envelope.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct ResponseWritingTests {
    /// Text lengths around each change of a varint's size.
    static let lengths = [0, 1, 2, 100, 125, 126, 127, 128, 129, 16_379, 16_380, 16_381, 16_384, 2_097_152]

    @Test(arguments: lengths)
    func `an OK answer is byte for byte what protobuf-c packs`(length: Int) throws {
        let message = HealthCheckRequest(service: String(repeating: "x", count: length))
        var answers = Responses()
        try answers.append(message: message, streamID: 7)
        let envelope = TTRPCResponse(payload: message.encoded()).encoded()
        #expect(answers.take() == RawPeer.frame(2, 7, body: envelope))
    }

    @Test(arguments: lengths)
    func `an answer that is encoded already, but for its last field, is that of all its fields`(length: Int)
        throws
    {
        let head = HealthCheckRequest(service: String(repeating: "x", count: length)).encoded()
        var answers = Responses()
        try answers.append(message: HealthCheckResponse(status: .serving), behind: head[...], streamID: 7)
        let payload = head + HealthCheckResponse(status: .serving).encoded()
        #expect(answers.take() == RawPeer.frame(2, 7, body: TTRPCResponse(payload: payload).encoded()))
    }

    @Test func `answers lie one behind the other`() throws {
        var answers = Responses()
        try answers.append(message: HealthCheckResponse(status: .serving), streamID: 1)
        answers.append(Status(.notFound, "no"), streamID: 3)
        try answers.append(message: HealthCheckResponse(status: .notServing), streamID: 5)
        var decoder = FrameDecoder()
        decoder.append(answers.take())
        var ids: [UInt32] = []
        while true {
            let event = decoder.next()
            if case .body(let header) = event {
                ids.append(header.streamID)
                decoder.takeBody { _ in }
            } else if event == .needsMoreBytes {
                break
            }
        }
        #expect(ids == [1, 3, 5])
        #expect(answers.byteCount == 0)
    }

    @Test func `details that are too long for a frame are left out of a failure`() throws {
        var status = Status(.aborted, "too much to say")
        status.details = [ProtobufAny(typeURL: "x/y", value: [UInt8](repeating: 1, count: 4 << 20))]
        var answers = Responses()
        answers.append(status, streamID: 1)
        var bytes = answers.take()
        let header = bytes.readBytes(length: FrameHeader.byteCount)?.withUnsafeBytes { FrameHeader($0) }
        #expect(header.map { $0.length < 100 } == true)
        let response = try TTRPCResponse(decoding: Array(bytes.readableBytesView))
        #expect(response.status?.code == StatusCode.aborted.rawValue)
        #expect(response.status?.details == [])
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 1 << 35, .max] as [UInt64])
    func `a varint takes as many bytes as were counted`(value: UInt64) {
        var bytes = [UInt8](repeating: 0xff, count: 10)
        bytes.withUnsafeMutableBytes { Varint.store(value, into: $0) }
        let end = bytes.firstIndex { $0 < 0x80 } ?? 0
        #expect(end + 1 == Varint.byteCount(of: value))
        #expect(bytes[...end].reversed().reduce(0) { $0 << 7 | UInt64($1 & 0x7f) } == value)
    }
}

/// Responses of a connection, one behind the other.
private struct Responses {
    private let wire = TTRPCServerWire(configuration: ServerConfiguration(), names: [], rejections: [])
    private var buffer = ByteBuffer()

    var byteCount: Int { buffer.readableBytes }

    mutating func append(
        message: some Message, behind head: ArraySlice<UInt8> = [], streamID: UInt32
    ) throws(Rejection) {
        try message.withEncoded(behind: head) { encoded throws(Rejection) in
            try wire.write(encoded, streamID: streamID, to: &buffer)
        }
    }

    mutating func append(_ status: Status, streamID: UInt32) {
        wire.write(status, streamID: streamID, to: &buffer)
    }

    mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }
}
