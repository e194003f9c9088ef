// The other side of a connection, byte by byte: sends whatever a test wants and reports frames as they come. It is
// a client to our server, and with `listen` a server to our client.

package import NIOCore
import NIOPosix
package import ProtobufC
package import RPCMessages
package import TTRPCMessages
package import Testing

@testable package import RPC
@testable package import TTRPC

/// A frame that came.
package struct RawFrame: Equatable {
    package var header: FrameHeader
    package var body: [UInt8]

    package init(header: FrameHeader, body: [UInt8]) {
        self.header = header
        self.body = body
    }

    /// The body as a response.
    package func response() throws -> TTRPCResponse { try TTRPCResponse(decoding: body) }
}

/// A peer without manners.
package final class RawPeer: Sendable {
    /// Why an expected frame did not come.
    package enum Silence: Error {
        case closed
        case tooSlow
    }

    package enum Event: Sendable {
        case frame(FrameHeader, [UInt8])
        case closed
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let events: AsyncStream<Event>.Continuation
        private var decoder = FrameDecoder()

        init(_ events: AsyncStream<Event>.Continuation) {
            self.events = events
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            decoder.append(unwrapInboundIn(data))
            while true {
                switch decoder.next() {
                case .header: continue
                case .body(let header): events.yield(.frame(header, decoder.takeBody { Array($0) }))
                case .needsMoreBytes, .notTTRPC: return
                }
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { end() }
        }

        func channelInactive(context: ChannelHandlerContext) { end() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func end() {
            events.yield(.closed)
            events.finish()
        }
    }

    private let channel: any Channel
    private let events: AsyncStream<Event>

    private init(_ channel: any Channel, _ events: AsyncStream<Event>) {
        self.channel = channel
        self.events = events
    }

    deinit { channel.close(promise: nil) }

    package static func connect(to address: Address, autoRead: Bool = true) async throws -> RawPeer {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(continuation))
                }
            }
        let channel =
            switch address {
            case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
            case .tcp(let host, let port), .tls(let host, let port):
                try await bootstrap.connect(host: host, port: port).get()
            }
        return RawPeer(channel, events)
    }

    /// Listens on a path and hands out the peers that connect.
    package static func listen(at path: String) async throws -> (any Channel, AsyncStream<RawPeer>) {
        let (peers, continuation) = AsyncStream<RawPeer>.makeStream()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                let (events, eventContinuation) = AsyncStream<Event>.makeStream()
                continuation.yield(RawPeer(channel, events))
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(eventContinuation))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        return (channel, peers)
    }

    // MARK: Sending

    package func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }
    package func send(_ bytes: [UInt8]) async throws { try await send(ByteBuffer(bytes: bytes)) }

    /// Sends without waiting for the bytes to leave.
    package func sendWithoutWaiting(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }

    package func closeOutput() async throws { try await channel.close(mode: .output) }
    package func close() async throws { try await channel.close() }

    /// Begins to read, where that was left out.
    package func beginReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    package func sendFrame(_ type: UInt8, _ streamID: UInt32, flags: UInt8 = 0, body: [UInt8] = [])
        async throws
    {
        try await send(Self.frame(type, streamID, flags: flags, body: body))
    }

    package func sendRequest(_ streamID: UInt32, _ request: TTRPCRequest) async throws {
        try await sendFrame(1, streamID, body: request.encoded())
    }

    package static func frame(_ type: UInt8, _ streamID: UInt32, flags: UInt8 = 0, body: [UInt8])
        -> ByteBuffer
    {
        var buffer = ByteBuffer()
        buffer.writeFrameHeader(
            FrameHeader(length: UInt32(body.count), streamID: streamID, type: type, flags: flags))
        buffer.writeBytes(body)
        return buffer
    }

    // MARK: Receiving

    /// The next frame; throws if the connection ends or nothing comes.
    package func nextFrame() async throws -> RawFrame {
        guard case .frame(let header, let body) = try await nextEvent() else { throw Silence.closed }
        return RawFrame(header: header, body: body)
    }

    /// The next frame, which is a response on this stream.
    package func nextResponse(on streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
        -> TTRPCResponse
    {
        let frame = try await nextFrame()
        #expect(frame.header.streamID == streamID, sourceLocation: sourceLocation)
        #expect(frame.header.type == 2, sourceLocation: sourceLocation)
        #expect(frame.header.flags == 0, sourceLocation: sourceLocation)
        return try frame.response()
    }

    /// The next frame, which is a refusal with this code on this stream.
    @discardableResult
    package func expectRefusal(
        _ code: StatusCode, on streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let response = try await nextResponse(on: streamID, sourceLocation: sourceLocation)
        #expect(response.status?.code == code.rawValue, sourceLocation: sourceLocation)
        #expect(response.payload == [], sourceLocation: sourceLocation)
        return response.status?.message ?? ""
    }

    /// Calls from this stream on until a call is refused, with this code.
    package func expectGoodCalls(
        untilRefusal code: StatusCode, from streamID: UInt32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var streamID = streamID
        var found: Int32?
        while found == nil {
            try await sendRequest(streamID, .healthCheck)
            found = try await nextResponse(on: streamID, sourceLocation: sourceLocation).status?.code
            streamID += 2
        }
        #expect(found == code.rawValue, sourceLocation: sourceLocation)
    }

    /// Waits for the end of the connection; no frame may come before it.
    package func expectClosed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        guard case .closed = try await nextEvent() else {
            Issue.record("a frame came before the end", sourceLocation: sourceLocation)
            return
        }
    }

    /// A health check on this stream is answered: the connection is in order.
    package func expectGoodCall(on streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        try await sendRequest(streamID, .healthCheck)
        let response = try await nextResponse(on: streamID, sourceLocation: sourceLocation)
        #expect(response.status == nil, sourceLocation: sourceLocation)
        #expect(
            try HealthCheckResponse(decoding: response.payload).status == .serving,
            sourceLocation: sourceLocation)
    }

    package func nextEvent() async throws -> Event {
        let events = events
        return try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask {
                for await event in events { return event }
                return .closed
            }
            group.addTask {
                try await Task.sleep(for: .seconds(120))
                throw Silence.tooSlow
            }
            defer { group.cancelAll() }
            guard let event = try await group.next() else { throw Silence.tooSlow }
            return event
        }
    }
}

extension TTRPCRequest {
    /// A call that always succeeds.
    package static let healthCheck = TTRPCRequest(service: "grpc.health.v1.Health", method: "Check")

    /// A call of the test service.
    package static func test(
        _ method: Method<HealthCheckRequest, HealthCheckRequest>, _ text: String = "", timeoutNano: Int64 = 0,
        metadata: [TTRPCKeyValue] = []
    ) -> TTRPCRequest {
        TTRPCRequest(
            service: method.service, method: method.name,
            payload: HealthCheckRequest(service: text).encoded(),
            timeoutNano: timeoutNano, metadata: metadata)
    }
}

extension ByteBuffer {
    /// Appends a header, also one that announces what does not follow.
    package mutating func writeFrameHeader(_ header: FrameHeader) {
        writeMultipleIntegers(header.length, header.streamID, header.type, header.flags)
    }
}
