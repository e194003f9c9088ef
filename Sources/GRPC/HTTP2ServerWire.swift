// The server's side of calls on one HTTP/2 connection: of gRPC (grpc/grpc's PROTOCOL-HTTP2.md), gRPC-Web and Connect. HTTP2 has the rules
// of frames and streams, RPC everything about calls, CallHead the forms of requests, WebCall those of responses but gRPC's. HTTP2ServerWire+Requests makes calls of requests, HTTP2ServerWire+Responses writes what they end with,
// HTTP2ServerWire+Times ends streams whose peer takes too long.

internal import HTTP
internal import HTTP2
internal import Logging
package import NIOCore
package import RPC

/// Reads and writes calls on one server connection.
package final class HTTP2ServerWire: ServerWire {
    /// What is known of the stream in one slot.
    struct CallStream {
        /// How its request is handled.
        enum Phase {
            case free
            /// The one request of the call is arriving.
            case collecting(CallHead)
            /// The handler runs and takes its messages from the queue.
            case streaming(InboundQueue)
            /// The request is complete and the handler runs.
            case running
            /// The request is no call: it is read to its end and answered.
            case answering(HTTPAnswer)
        }

        var phase = Phase.free
        var reader = MessageReader()
        /// The one request, once it is complete.
        var request: [UInt8]?
        /// When the call fails if its request is not complete.
        var deadline: NIODeadline?
        /// When the request must be complete.
        var endOfRequest: NIODeadline?
        /// Whether the client has sent its last byte.
        var isRequestEnded = false
        var hasSentHeaders = false
        /// How its messages are read and written; nil for gRPC.
        var web: WebCall?
        /// Whether its requests may be compressed, and its responses.
        var isGzip = false
        var acceptsGzip = false
        /// Bytes that were received while the queue was full, for which the windows are still closed.
        var untaken = 0
    }

    struct State {
        var reader = HTTP2FrameReader()
        var http: HTTP2StateMachine
        var hasSentPreface = false
        /// By the slots of the state machine.
        var streams: [CallStream] = []
        /// The streams whose queue is full.
        var stuckStreams = 0
        /// The announced bytes of requests that are arriving.
        var arrivingBytes = 0
        /// The last head with what was made of it.
        var lastHead: (http: HTTPRequestHead, outcome: CallHead.Outcome)?
    }

    let configuration: ServerConfiguration
    let rules: BrowserRules
    let unreadTime: TimeAmount
    let messageTime: TimeAmount
    weak var connection: ServerConnection?
    // As in ServerConnection: used on one thread, and no access lasts across a call of the connection.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var state: State

    init(configuration: ServerConfiguration, options: HTTPOptions) {
        self.configuration = configuration
        rules = BrowserRules(options: options)
        unreadTime = TimeAmount(bounded: configuration.unreadTime)
        messageTime = TimeAmount(bounded: configuration.frameTime)
        state = State(
            http: HTTP2StateMachine(
                limits: .init(
                    streams: configuration.maximumCallsPerConnection,
                    uselessFrames: configuration.maximumUselessFrames)))
    }

    package func receive(_ bytes: ByteBuffer) {
        state.reader.append(bytes)
    }

    package func serve(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline) {
        while connection.mayServe() {
            let read = state.reader.next()
            if state.reader.hasPreface, !state.hasSentPreface { begin(connection) }
            switch read {
            case .needsMoreBytes: return connection.served(unfinished: unfinishedMessage, now: now)
            case .notHTTP2:
                connection.outgoing.writeString(Self.answerToHTTP1)
                return connection.closeWithViolation(.notHTTP2)
            case .tooLong(let header):
                let event = state.http.receiveTooLong(header, answers: &connection.outgoing)
                return handle(event, ByteBuffer(), connection, in: batch, now: now)
            case .frame(let header):
                let buffer = state.reader.buffer
                let event = state.receive(header, in: buffer, connection, now: now)
                state.reader.consume(header)
                handle(event, buffer, connection, in: batch, now: now)
            }
        }
        connection.servingPaused(now: now)
    }

    /// What a client gets that speaks HTTP/1.1: 505 HTTP Version Not Supported.
    private static let answerToHTTP1 =
        "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        + "Content-Length: 37\r\n\r\nthis server speaks gRPC, over HTTP/2\n"

    private func begin(_ connection: ServerConnection) {
        state.hasSentPreface = true
        self.connection = connection
        state.http.writePreface(to: &connection.outgoing)
    }

    /// What has begun and is not complete: a frame, or a header block of several frames.
    private var unfinishedMessage: UnfinishedMessage? {
        if state.http.isInsideHeaderBlock {
            return UnfinishedMessage(number: 1 << 63 | state.http.headerBlockCount, hasHeader: false)
        }
        guard state.reader.isInsideFrame else { return nil }
        return UnfinishedMessage(
            number: state.reader.frameCount &+ 1, hasHeader: state.reader.hasFrameHeader)
    }

    private func handle(
        _ event: HTTP2Event, _ frame: ByteBuffer, _ connection: ServerConnection, in batch: ReadBatch,
        now: NIODeadline
    ) {
        switch event {
        case .none: break
        case .request(let slot, let head, let isLast):
            begin(head, slot, isLast: isLast, connection, in: batch, now: now)
        case .data(let slot, let range, let isLast):
            receive(frame, range, slot, isLast: isLast, connection, in: batch, now: now)
        case .endOfRequest(let slot): endRequest(slot, connection, in: batch, now: now)
        case .cancelled(let slot, let streamID):
            free(slot, &connection.outgoing)
            connection.cancel(streamID)
        case .windowGrew: state.http.sendWaiting(now: now, to: &connection.outgoing)
        case .drainSeen: state.http.endDrain(to: &connection.outgoing)
        case .connectionError(let code, let cause):
            connection.closeWithViolation(
                code == .enhanceYourCalm ? .uselessFrames : .protocolError, ["cause": "\(cause)"])
        }
    }

    package func discardInput() {
        state.reader = HTTP2FrameReader()
    }

    /// Forgets what is known of a stream that is over, or whose call is answered.
    func free(_ slot: Int, _ buffer: inout ByteBuffer) {
        guard state.streams.indices.contains(slot) else { return }
        let stream = state.streams[slot]
        guard !stream.phase.isFree else { return }
        state.streams[slot] = CallStream()
        state.arrivingBytes -= stream.reader.announced
        if stream.reader.isStuck { state.stuckStreams -= 1 }
        state.http.takeOfConnection(stream.untaken, &buffer)
    }
}

extension HTTP2ServerWire.State {
    /// Takes the frame at the beginning of a buffer.
    fileprivate mutating func receive(
        _ header: HTTP2FrameHeader, in buffer: ByteBuffer, _ connection: ServerConnection, now: NIODeadline
    ) -> HTTP2Event {
        let busyHandlers = connection.calls.runningHandlers
        return buffer.withUnsafeReadableBytes { bytes in
            let start = HTTP2FrameHeader.byteCount
            return http.receive(
                header, UnsafeRawBufferPointer(rebasing: bytes[start..<(start + header.length)]),
                busyHandlers: busyHandlers, now: now, answers: &connection.outgoing)
        }
    }
}

extension HTTP2ServerWire.CallStream.Phase {
    var isFree: Bool { if case .free = self { true } else { false } }
}
