// What comes off a socket that speaks HTTP/2: frames, header blocks, the prefixes of messages, and a whole connection behind them.

internal import HTTP
internal import Logging
internal import NIOCore
internal import NIOEmbedded
internal import ProtobufC
internal import RPCMessages

@testable import GRPC
@testable import HTTP2
@testable import RPC

/// The frame reader says the same however the bytes are split.
struct HTTP2FrameTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        let stream = HTTP2Limits.clientPreface + Array(bytes.dropFirst())
        promise(
            found(in: stream, step: max(1, Int(step))) == found(in: stream, step: stream.count),
            "a split changes nothing")
    }

    private func found(in bytes: [UInt8], step: Int) -> [HTTP2FrameReader.Event] {
        var reader = HTTP2FrameReader()
        var found: [HTTP2FrameReader.Event] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            reader.append(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
            reading: while true {
                let event = reader.next()
                switch event {
                case .needsMoreBytes: break reading
                case .frame(let header):
                    promise(header.length <= HTTP2Limits.maximumFrameBytes, "no frame is too long")
                    found.append(event)
                    reader.consume(header)
                case .tooLong, .notHTTP2: return found + [event]
                }
            }
        }
        return found
    }
}

/// A header block that is said not to change the table means the same when it comes again.
struct HeaderBlockTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        var decoder = HeaderDecoder()
        guard case .head(let first) = decoder.decode(bytes, areTrailers: false) else { return }
        promise(!first.method.isEmpty, "a request has a method")
        promise(
            first.fields.allSatisfy { FieldRules.isAllowed($0.name, $0.value) }, "fields follow the rules")
        guard !HeaderBlock(bytes).changesTable else { return }
        var fresh = HeaderDecoder()
        guard case .head(let again) = fresh.decode(bytes, areTrailers: false) else {
            return promise(false, "the block can be decoded again")
        }
        promise(again.fields == first.fields && again.path == first.path, "the block means the same")
    }
}

/// Messages come out as they went in, however the body is split.
struct MessagePrefixTarget: FuzzTarget {
    private static let limit = 4096

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        let body = Array(bytes.dropFirst())
        promise(
            found(in: body, step: max(1, Int(step))) == found(in: body, step: max(1, body.count)),
            "a split changes nothing")
        if let only = body.withUnsafeBytes({ MessageReader.only(in: $0, limit: Self.limit) }) {
            promise(
                found(in: body, step: max(1, body.count)) == [.message(only, isCompressed: false)],
                "the short way finds the same")
        }
    }

    private func found(in body: [UInt8], step: Int) -> [MessageReader.Event] {
        var reader = MessageReader()
        var found: [MessageReader.Event] = []
        for start in stride(from: 0, to: body.count, by: step) {
            reader.append(ByteBuffer(bytes: body[start..<min(start + step, body.count)]))
            reading: while true {
                let event = reader.next(limit: Self.limit)
                switch event {
                case .needsMoreBytes: break reading
                case .message: found.append(event)
                case .tooLong, .invalidFlag, .invalidBase64: return found + [event]
                }
            }
        }
        return found
    }
}

/// A server connection withstands any bytes behind the preface, answers in whole frames only, and lets go of its channel.
struct GRPCConnectionTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        let stream = HTTP2Limits.clientPreface + Array(bytes.dropFirst())
        guard let parts = answers(of: .grpc, to: stream, step: max(1, Int(step))) else { return }
        var answers = ByteBuffer()
        for part in parts { answers.writeImmutableBuffer(part) }
        while answers.readableBytes > 0 {
            guard answers.readableBytes >= 9 else { return promise(false, "answers are whole frames") }
            let header = answers.withUnsafeReadableBytes { HTTP2FrameHeader($0) }
            promise(HTTP2FrameType(rawValue: header.type) != nil, "frames have a type")
            promise(answers.readableBytes >= 9 + header.length, "answers are whole frames")
            answers.moveReaderIndex(forwardBy: 9 + header.length)
        }
    }
}
