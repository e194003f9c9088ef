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
    private static let health = HealthService()

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        let stream = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        do {
            try serve(stream, step: max(1, Int(step)))
        } catch {
            // A closed channel refuses what comes after it, as a socket does.
            guard error is ChannelError else { return promise(false, "no other error: \(error)") }
        }
    }

    private func serve(_ bytes: UnsafeRawBufferPointer, step: Int) throws {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        var methods = Router()
        Self.health.register(in: &methods)
        let server = Server(
            router: methods, wire: .ttrpc, group: loop,
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
        try server.serve(channel).wait()
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/fuzz")).wait()
        defer {
            _ = try? channel.finish(acceptAlreadyClosed: true)
            loop.run()
        }
        for start in stride(from: 0, to: bytes.count, by: step) {
            let end = min(start + step, bytes.count)
            try channel.writeInbound(ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
            loop.run()
        }
        loop.advanceTime(by: .seconds(60))
        var answers = FrameDecoder()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { answers.append(part) }
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
