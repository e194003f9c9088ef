// The channel handler of one client connection. It connects the callers' tasks, the rules of ClientConnectionState and the bytes of the
// channel. Callers add their requests to the outbox from any thread; everything else runs on the event loop.

internal import NIOCore
internal import ProtobufC
internal import RPC
internal import TTRPCMessages

/// Carries the calls of one client.
///
/// Unchecked: `outbox` and `executor` are thread-safe, the rest is used on the event loop, which entry points check.
final class ClientConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The mutable state, used on the event loop.
    struct State: ~Copyable {
        var calls = ClientConnectionState()
        var decoder = FrameDecoder()
        var context: ChannelHandlerContext?
        var deadlineTimer = DeadlineTimer()
        var spare = ByteBuffer()
        /// A frame that waits for room in its queue; nothing is read meanwhile.
        var held: HeldFrame?
        /// Whether the channel wanted to read meanwhile.
        var isReadHeld = false
    }

    let executor: EventLoopExecutor
    let outbox: ClientOutbox
    let configuration: ClientConfiguration
    /// The bytes that wait for the callers of streams.
    let inbound: FlowControlBudget
    private let address: Address
    // As in ServerConnection: used on one thread, and no access lasts across a call that reenters the connection.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var state = State()

    init(address: Address, configuration: ClientConfiguration, executor: EventLoopExecutor) {
        self.address = address
        self.configuration = configuration
        outbox = ClientOutbox(limits: configuration.streamLimits)
        inbound = FlowControlBudget(limit: configuration.maximumQueuedBytesPerConnection)
        self.executor = executor
    }

    // MARK: Callers, on any thread

    /// Adds a request to the outbox; ends the call at once if that is not possible.
    func submit(_ call: ClientCall, _ request: EncodedMessage) {
        guard request.byteCount <= FrameHeader.maximumLength else {
            let text = "a request of \(request.byteCount) bytes is too long for a frame"
            var status = Status(.resourceExhausted, text)
            status.transportFailure = .neverSent
            return call.end(.failure(status))
        }
        do throws(Status) {
            guard try outbox.add(call, request) else { return }
        } catch {
            return call.end(.failure(error))
        }
        collectSoon()
    }

    /// Schedules sending on the event loop.
    func collectSoon() {
        let eventLoop = executor.eventLoop
        if eventLoop.inEventLoop, executor.flushesAfterWakeUp(self) { return }
        eventLoop.execute { self.sendCollected() }
    }

    /// Ends a cancelled call. Called after `submit`.
    func cancel(_ call: ClientCall) {
        executor.eventLoop.execute {
            self.sendCollected()
            guard self.state.calls.cancelled(call) else { return }
            call.end(.failure(Status(.cancelled, "the caller gave the call up")))
        }
    }

    // MARK: Sending, on the event loop

    func sendCollected() {
        executor.eventLoop.preconditionInEventLoop()
        guard let context = state.context else { return }
        var (buffer, calls, streams, areSendersWaiting) = outbox.collect(spare: state.spare)
        state.spare = ByteBuffer()
        guard buffer.readableBytes > 0 else { return }
        state.calls.sent(calls, streams)
        if let deadline = calls.lazy.compactMap(\.deadline).min() { watch(deadline) }
        if let deadline = streams.lazy.compactMap(\.deadline).min() { watch(deadline) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if areSendersWaiting { outbox.setWritable(context.channel.isWritable) }
        state.spare = ClientOutbox.reclaimed(&buffer)
    }

    private func watch(_ deadline: NIODeadline) {
        state.deadlineTimer.watch(deadline, on: executor.eventLoop) { self.deadlineReached() }
    }

    private func deadlineReached() {
        state.deadlineTimer.fired()
        for call in state.calls.takeExpiredCalls(now: executor.eventLoop.now) {
            call.end(.failure(Status(.deadlineExceeded, "no answer came within the time allowed")))
        }
        for stream in state.calls.takeExpiredStreams(now: executor.eventLoop.now) {
            end(
                stream,
                .failure(Status(.deadlineExceeded, "the stream had not ended within the time allowed")))
        }
        if let next = state.calls.nextDeadline { watch(next) }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        state.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        state.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(Status(.neverSent, "the connection to \(address) failed: \(error)"))
        context.close(promise: nil)
    }

    func read(context: ChannelHandlerContext) {
        if state.held == nil {
            context.read()
        } else {
            state.isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        outbox.setWritable(context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.decoder.append(unwrapInboundIn(data))
        takeFrames()
    }

    func takeFrames() {
        while state.held == nil {
            switch state.decoder.next() {
            case .needsMoreBytes: return
            case .header(let header): received(header)
            case .body(let header):
                if header.type == FrameType.response.rawValue {
                    receivedResponse(header)
                } else {
                    receivedMessage(header, state.decoder.takeBody { Array($0) })
                }
            case .notTTRPC:
                fail(Status(.neverSent, "what answers at \(address) is not a ttrpc server"))
                let context = state.context
                context?.close(promise: nil)
                return
            }
        }
    }

    func received(_ header: FrameHeader) {
        switch state.calls.receivedHeader(header) {
        case .readBody: return
        case .skipBody: break
        case .fail(let call, let status): call.end(.failure(status))
        case .failStream(let stream, let status): end(stream, .failure(status))
        case .endStream(let stream): end(stream, .success(()))
        case .hold: return hold(header)
        }
        state.decoder.skipBody()
    }

    private func receivedResponse(_ header: FrameHeader) {
        let response = state.decoder.takeBody { try? TTRPCResponse(decoding: $0, limits: .client) }
        let outcome: ClientCall.Outcome
        if let response {
            outcome = Status(wireForm: response.status).map { .failure($0) } ?? .success(response.payload)
        } else {
            outcome = .failure(Status(.internal, "the server's answer is not a ttrpc response"))
        }
        if let call = state.calls.receivedResponse(streamID: header.streamID) {
            call.end(outcome)
        } else if let stream = state.calls.receivedResponse(ending: header.streamID) {
            receivedOutcome(outcome, of: stream)
        }
    }

    // MARK: The end

    /// Ends every call and refuses new ones for this reason; sent calls have an unknown outcome.
    func fail(_ reason: Status) {
        let unsent = outbox.fail(reason)
        for call in unsent.calls { call.end(.failure(reason)) }
        for stream in unsent.streams { end(stream, .failure(reason)) }
        let unknown = Status(.outcomeUnknown, (outbox.failure ?? reason).message)
        let sent = state.calls.closed()
        for call in sent.calls { call.end(.failure(unknown)) }
        for stream in sent.streams { end(stream, .failure(unknown)) }
    }

    private func end() {
        stopHolding()
        state.deadlineTimer.cancel()
        fail(Status(.neverSent, "the connection to \(address) was closed"))
    }
}

extension ClientConnection: WakeUpFlushing {
    func flushAfterWakeUp() {
        sendCollected()
    }
}
