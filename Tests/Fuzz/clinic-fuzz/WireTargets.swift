// What comes off a socket: the cutting of frames, and a whole server connection behind it.

internal import Logging
internal import NIOCore
internal import NIOEmbedded
internal import ProtobufC
internal import RPCMessages
internal import TTRPCMessages

@testable import RPC
@testable import TTRPC

/// The frame decoder says the same however the bytes are split.
struct FrameTarget: FuzzTarget {
    private enum Found: Equatable {
        case body(FrameHeader, [UInt8])
        case skipped(FrameHeader)
        case notTTRPC
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        // The first byte says how the rest is split, so that libFuzzer can try that too.
        guard let step = bytes.first else { return }
        let stream = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        promise(
            found(in: stream, step: max(1, Int(step))) == found(in: stream, step: max(1, stream.count)),
            "a split changes nothing")
    }

    private func found(in bytes: UnsafeRawBufferPointer, step: Int) -> [Found] {
        var decoder = FrameDecoder()
        var found: [Found] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            let end = min(start + step, bytes.count)
            decoder.append(ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
            reading: while true {
                switch decoder.next() {
                case .needsMoreBytes: break reading
                case .header(let header):
                    if header.length > 4096 {
                        decoder.skipBody()
                        found.append(.skipped(header))
                    }
                case .body(let header):
                    found.append(.body(header, decoder.takeBody { [UInt8]($0) }))
                case .notTTRPC: return found + [.notTTRPC]
                }
            }
        }
        return found
    }
}

/// A server connection withstands any bytes, answers in whole frames only, and lets go of its channel.
struct ConnectionTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        guard let parts = answers(of: .ttrpc, to: bytes.dropFirst(), step: max(1, Int(step))) else { return }
        var answers = FrameDecoder()
        for part in parts { answers.append(part) }
        check(&answers)
    }

    private func check(_ answers: inout FrameDecoder) {
        while true {
            switch answers.next() {
            case .needsMoreBytes: return promise(answers.unfinished == nil, "answers are whole frames")
            case .header(let header):
                promise(header.length <= FrameHeader.maximumLength, "no answer is too long")
            case .body(let header):
                let isData = header.type == FrameType.data.rawValue
                promise(isData || header.type == FrameType.response.rawValue, "a server sends no requests")
                answers.takeBody { body in
                    guard !isData else { return }
                    promise((try? TTRPCResponse(decoding: body)) != nil, "an answer can be read")
                }
            case .notTTRPC: return promise(false, "answers are ttrpc")
            }
        }
    }
}

/// A PROXY header says the same when more is behind it, is unfinished when it is cut anywhere, and is bounded.
struct ProxyHeaderTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        let reading = ProxyHeader.read(bytes)
        switch reading {
        case .unfinished:
            promise(bytes.count < ProxyHeader.maximumByteCount, "a header that never ends is malformed")
        case .malformed: break
        case .header(_, let byteCount):
            promise((16...ProxyHeader.maximumByteCount).contains(byteCount), "a header is bounded")
            promise(byteCount <= bytes.count, "a header is there")
            promise(ProxyHeader.read(bytes.prefix(byteCount)) == reading, "nothing behind a header is read")
            promise(
                ProxyHeader.read(bytes.prefix(byteCount - 1)) == .unfinished,
                "a header that is cut is unfinished")
        }
    }
}
