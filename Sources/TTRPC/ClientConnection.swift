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
final class ClientConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let executor: EventLoopExecutor
    let outbox = ClientOutbox()
    private let address: Address
    @exclusivity(unchecked) private var state = ClientConnectionState()
    @exclusivity(unchecked) private var decoder = FrameDecoder()
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var deadlineTimer = DeadlineTimer()
    @exclusivity(unchecked) private var spare = ByteBuffer()

    init(address: Address, executor: EventLoopExecutor) {
        self.address = address
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

    private func sendCollected() {
        executor.eventLoop.preconditionInEventLoop()
        guard let context else { return }
        var (buffer, calls) = outbox.collect(spare: spare)
        spare = ByteBuffer()
        guard !calls.isEmpty else { return }
        state.sent(calls)
        if let deadline = calls.lazy.compactMap(\.deadline).min() { watch(deadline) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
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

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        while true {
            switch decoder.next() {
            case .needsMoreBytes: return
            case .header(let header): received(header)
            case .body(let header): receivedResponse(header)
            case .notTTRPC:
                fail(Status(.neverSent, "what answers at \(address) is not a ttrpc server"))
                return context.close(promise: nil)
            }
        }
    }

    private func received(_ header: FrameHeader) {
        switch state.receivedHeader(header) {
        case .readBody: return
        case .skipBody: break
        case .fail(let call, let status): call.end(.failure(status))
        }
        decoder.skipBody()
    }

    private func receivedResponse(_ header: FrameHeader) {
        let response = decoder.takeBody { try? TTRPCResponse(decoding: $0, limits: .client) }
        guard let call = state.receivedResponse(streamID: header.streamID) else { return }
        guard let response else {
            return call.end(.failure(Status(.internal, "the server's answer is not a ttrpc response")))
        }
        call.end(Status(wireForm: response.status).map { .failure($0) } ?? .success(response.payload))
    }

    // MARK: The end

    /// Refuses and ends every call for this reason; those that were sent have an unknown outcome.
    func fail(_ reason: Status) {
        for call in outbox.fail(reason) { call.end(.failure(reason)) }
        let failure = outbox.failure ?? reason
        for call in state.closed() { call.end(.failure(Status(.outcomeUnknown, failure.message))) }
    }

    private func end() {
        deadlineTimer.cancel()
        fail(Status(.neverSent, "the connection to \(address) was closed"))
    }
}

extension ClientConnection: WakeUpFlushing {
    func flushAfterWakeUp() {
        sendCollected()
    }
}
