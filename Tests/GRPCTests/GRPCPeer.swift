// A client of the test service on an in-process connection: all on one thread, with the event loop and its clock moved by hand.

import CoreMetrics
import GRPC
import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import NIOHPACK
import ProtobufC
import RPCMessages
import TestRPC

@testable import RPC

/// What came back on a stream.
struct GRPCAnswer: Equatable {
    var messages: [[UInt8]] = []
    /// All bytes of the body.
    var body: [UInt8] = []
    var fields: [String: String] = [:]
    var reset: HTTP2ErrorCode?
    /// Whether the server has ended the stream.
    var isEnded = false

    var status: String? { fields["grpc-status"] }
}

final class GRPCPeer {
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let gates = Gates()
    let server: Server
    private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    private var received = ByteBuffer()
    /// What came back, by stream.
    private(set) var answers: [UInt32: GRPCAnswer] = [:]
    /// The last streams of the GOAWAY frames, in order.
    private(set) var goAways: [UInt32] = []
    private(set) var pings: [UInt64] = []
    /// The number of writes of the server.
    private(set) var writes = 0
    var isOpen: Bool { channel.isActive }

    init(
        _ configuration: ServerConfiguration = ServerConfiguration(), protocols: [WireProtocol] = [.grpc],
        settings: [(UInt16, UInt32)] = [], metrics: any MetricsFactory = NOOPMetricsHandler.instance,
        first: [UInt8] = HTTP2Limits.clientPreface, sendsSettings: Bool = true
    ) throws {
        var methods = Router()
        HealthService().register(in: &methods)
        TestServer.register(in: &methods, gates)
        TestServer.registerFourKinds(in: &methods, gates)
        server = Server(
            router: methods, protocols: protocols, configuration: configuration, group: loop,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, metrics: metrics)
        channel = EmbeddedChannel(loop: loop)
        try server.serve(channel).wait()
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
        var preface = ByteBuffer(bytes: first)
        if sendsSettings {
            preface.writeFrameHeader(
                HTTP2FrameHeader(length: settings.count * 6, type: .settings, streamID: 0))
        }
        for (id, value) in settings {
            preface.writeInteger(id)
            preface.writeInteger(value)
        }
        try send(preface)
    }

    // MARK: Sending

    func send(_ bytes: ByteBuffer) throws {
        try channel.writeInbound(bytes)
        try run()
    }

    /// Runs what waits on the event loop, and reads what was written.
    func run() throws {
        for _ in 0..<20 { loop.run() }
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
            writes += 1
            received.writeImmutableBuffer(bytes)
        }
        try read()
    }

    func advance(by time: TimeAmount) throws {
        loop.advanceTime(by: time)
        try run()
    }

    func head(
        _ path: String, _ streamID: UInt32, _ extra: [(String, String)] = [], endsStream: Bool = false,
        contentType: String = "application/grpc"
    ) throws -> ByteBuffer {
        try encoder.beginEncoding(allocator: ByteBufferAllocator())
        let list = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
            ("te", "trailers"),
            ("content-type", contentType),
        ]
        try encoder.append(headers: HPACKHeaders(list + extra))
        let block = try encoder.endEncoding()
        var buffer = ByteBuffer()
        buffer.writeFrame(
            .headers, endsStream ? [.endHeaders, .endStream] : .endHeaders, streamID: streamID,
            payload: block.readableBytesView, byteCount: block.readableBytes)
        return buffer
    }

    static func data(_ bytes: [UInt8], _ streamID: UInt32, endsStream: Bool) -> ByteBuffer {
        var buffer = ByteBuffer()
        var rest = bytes[...]
        repeat {
            let part = rest.prefix(16_384)
            rest = rest.dropFirst(part.count)
            buffer.writeFrame(
                .data, endsStream && rest.isEmpty ? .endStream : [], streamID: streamID, payload: part,
                byteCount: part.count)
        } while !rest.isEmpty
        return buffer
    }

    static func prefixed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        let count = message.count
        return [
            flag, UInt8(count >> 24), UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF),
            UInt8(count & 0xFF),
        ]
            + message
    }

    /// Sends a call with one request, all in one read.
    func call(
        _ path: String, _ streamID: UInt32, _ message: some Message, _ extra: [(String, String)] = []
    ) throws {
        var bytes = try head(path, streamID, extra)
        bytes.writeImmutableBuffer(Self.data(Self.prefixed(message.encoded()), streamID, endsStream: true))
        try send(bytes)
    }

    func frame(_ type: HTTP2FrameType, _ streamID: UInt32, _ flags: HTTP2Flags = [], _ payload: [UInt8])
        throws
    {
        var bytes = ByteBuffer()
        bytes.writeFrame(type, flags, streamID: streamID, payload: payload, byteCount: payload.count)
        try send(bytes)
    }

    func grow(_ streamID: UInt32, by increment: UInt32) throws {
        try frame(.windowUpdate, streamID, [], [24, 16, 8, 0].map { UInt8(increment >> $0 & 0xFF) })
    }

    // MARK: Reading

    private var bodies: [UInt32: ByteBuffer] = [:]

    private func read() throws {
        while received.readableBytes >= 9 {
            guard let word: UInt32 = received.getInteger(at: received.readerIndex),
                let flags: UInt8 = received.getInteger(at: received.readerIndex + 4),
                let streamID: UInt32 = received.getInteger(at: received.readerIndex + 5),
                received.readableBytes >= 9 + Int(word >> 8)
            else { return }
            received.moveReaderIndex(forwardBy: 9)
            guard var payload = received.readSlice(length: Int(word >> 8)) else { return }
            try read(
                HTTP2FrameType(rawValue: UInt8(word & 0xFF)), HTTP2Flags(rawValue: flags), streamID, &payload)
        }
    }

    private func read(
        _ type: HTTP2FrameType?, _ flags: HTTP2Flags, _ streamID: UInt32, _ payload: inout ByteBuffer
    ) throws {
        switch type {
        case .headers:
            for (name, value, _) in try decoder.decodeHeaders(from: &payload) {
                answers[streamID, default: GRPCAnswer()].fields[name] = value
            }
            if flags.contains(.endStream) { answers[streamID]?.isEnded = true }
        case .data:
            answers[streamID, default: GRPCAnswer()].body += payload.readableBytesView
            var body = bodies[streamID] ?? ByteBuffer()
            body.writeBuffer(&payload)
            while let length: UInt32 = body.getInteger(at: body.readerIndex + 1),
                body.readableBytes >= 5 + Int(length),
                answers[streamID]?.fields["grpc-accept-encoding"] != nil
            {
                body.moveReaderIndex(forwardBy: 5)
                answers[streamID, default: GRPCAnswer()].messages.append(
                    body.readBytes(length: Int(length)) ?? [])
            }
            bodies[streamID] = body
            if flags.contains(.endStream) { answers[streamID]?.isEnded = true }
        case .resetStream:
            answers[streamID, default: GRPCAnswer()].reset = payload.readInteger(as: UInt32.self)
                .flatMap { HTTP2ErrorCode(rawValue: $0) }
        case .goAway: goAways.append(payload.readInteger() ?? 0)
        case .ping: if flags.isEmpty { pings.append(payload.readInteger() ?? 0) }
        default: break
        }
    }
}
