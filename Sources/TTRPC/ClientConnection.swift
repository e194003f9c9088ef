// The channel handler of one client connection: between the callers' tasks, the rules of ClientConnectionState and
// the bytes of the channel. Callers leave their requests in the outbox from any thread; everything else here runs
// on the event loop, and does without exclusivity checks for the same reason as ServerConnection.

internal import NIOCore
internal import ProtobufC
internal import TTRPCMessages

/// Carries the calls of one client.
///
/// `outbox` and `executor` are for any thread, the rest for the event loop, which is checked where calls come in;
/// this is why it is `@unchecked Sendable`.
final class ClientConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let executor: EventLoopExecutor
    let outbox: ClientOutbox
    let configuration: ClientConfiguration
    /// What waits for the callers of streams.
    let inbound: InboundAccount
    private let address: Address
    @exclusivity(unchecked) var state = ClientConnectionState()
    @exclusivity(unchecked) var decoder = FrameDecoder()
    @exclusivity(unchecked) private(set) var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var deadlineTimer = DeadlineTimer()
    @exclusivity(unchecked) private var spare = ByteBuffer()
    /// A frame that has to wait for a caller; nothing is read meanwhile.
    @exclusivity(unchecked) var held: HeldFrame?
    /// The channel wants to read and has to wait for the same reason.
    @exclusivity(unchecked) var isReadHeld = false

    init(address: Address, configuration: ClientConfiguration, executor: EventLoopExecutor) {
        self.address = address
        self.configuration = configuration
        outbox = ClientOutbox(limits: configuration.streamLimits)
        inbound = InboundAccount(limit: configuration.maximumQueuedBytesPerConnection)
        self.executor = executor
    }

    // MARK: Callers, on any thread

    /// Puts a request in line; ends the call at once if that is not possible.
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

    /// Tells the event loop that there is something to send.
    func collectSoon() {
        let eventLoop = executor.eventLoop
        if eventLoop.inEventLoop, executor.flushesAfterWakeUp(self) { return }
        eventLoop.execute { self.sendCollected() }
    }

    /// Ends a call that its caller waits for no longer. To be called after it was put in line.
    func giveUp(_ call: ClientCall) {
        executor.eventLoop.execute {
            self.sendCollected()
            guard self.state.givenUp(call) else { return }
            call.end(.failure(Status(.cancelled, "the caller gave the call up")))
        }
    }

    // MARK: Sending, on the event loop

    func sendCollected() {
        executor.eventLoop.preconditionInEventLoop()
        guard let context else { return }
        var (buffer, calls, streams, areSendersWaiting) = outbox.collect(spare: spare)
        spare = ByteBuffer()
        guard buffer.readableBytes > 0 else { return }
        state.sent(calls, streams)
        if let deadline = calls.lazy.compactMap(\.deadline).min() { watch(deadline) }
        if let deadline = streams.lazy.compactMap(\.deadline).min() { watch(deadline) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if areSendersWaiting { outbox.setWritable(context.channel.isWritable) }
        spare = ClientOutbox.reclaimed(&buffer)
    }

    private func watch(_ deadline: NIODeadline) {
        deadlineTimer.watch(deadline, on: executor.eventLoop) { self.deadlineReached() }
    }

    private func deadlineReached() {
        deadlineTimer.fired()
        for call in state.takeExpiredCalls(now: executor.eventLoop.now) {
            call.end(.failure(Status(.deadlineExceeded, "no answer came within the time allowed")))
        }
        for stream in state.takeExpiredStreams(now: executor.eventLoop.now) {
            end(
                stream,
                .failure(Status(.deadlineExceeded, "the stream had not ended within the time allowed")))
        }
        if let next = state.nextDeadline { watch(next) }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
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
        if held == nil {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        outbox.setWritable(context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        takeFrames()
    }

    func takeFrames() {
        while held == nil {
            switch decoder.next() {
            case .needsMoreBytes: return
            case .header(let header): received(header)
            case .body(let header):
                if header.type == FrameType.response.rawValue {
                    receivedResponse(header)
                } else {
                    receivedMessage(header, decoder.takeBody { Array($0) })
                }
            case .notTTRPC:
                fail(Status(.neverSent, "what answers at \(address) is not a ttrpc server"))
                context?.close(promise: nil)
                return
            }
        }
    }

    func received(_ header: FrameHeader) {
        switch state.receivedHeader(header) {
        case .readBody: return
        case .skipBody: break
        case .fail(let call, let status): call.end(.failure(status))
        case .failStream(let stream, let status): end(stream, .failure(status))
        case .endStream(let stream): end(stream, .success(()))
        case .hold: return hold(header)
        }
        decoder.skipBody()
    }

    private func receivedResponse(_ header: FrameHeader) {
        let response = decoder.takeBody { try? TTRPCResponse(decoding: $0, limits: .client) }
        let outcome: ClientCall.Outcome
        if let response {
            outcome = Status(wireForm: response.status).map { .failure($0) } ?? .success(response.payload)
        } else {
            outcome = .failure(Status(.internal, "the server's answer is not a ttrpc response"))
        }
        if let call = state.receivedResponse(streamID: header.streamID) {
            call.end(outcome)
        } else if let stream = state.receivedResponse(ending: header.streamID) {
            receivedOutcome(outcome, of: stream)
        }
    }

    // MARK: The end

    /// Refuses and ends every call for this reason; those that were sent have an unknown outcome.
    func fail(_ reason: Status) {
        let unsent = outbox.fail(reason)
        for call in unsent.calls { call.end(.failure(reason)) }
        for stream in unsent.streams { end(stream, .failure(reason)) }
        let unknown = Status(.outcomeUnknown, (outbox.failure ?? reason).message)
        let sent = state.closed()
        for call in sent.calls { call.end(.failure(unknown)) }
        for stream in sent.streams { end(stream, .failure(unknown)) }
    }

    private func end() {
        stopHolding()
        deadlineTimer.cancel()
        fail(Status(.neverSent, "the connection to \(address) was closed"))
    }
}

extension ClientConnection: WakeUpFlushing {
    func flushAfterWakeUp() {
        sendCollected()
    }
}
