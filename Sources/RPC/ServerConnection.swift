// The channel handler of one server connection, for any wire. It connects the channel, the wire that reads and writes its bytes, the
// table of calls, and the handlers of the router. ServerConnection+Calls has the begin and end of calls, ServerConnection+Streams
// the streams, ServerConnection+End the end of the connection.
//
// All of it runs on the connection's event loop. Calls begin as they are read; most handlers return at once, and their responses
// are written together at the end of the read (`channelReadComplete`). Handlers that wait are resumed in a turn of the loop's
// executor, and the responses of one turn are written together.

internal import Logging
package import NIOCore
internal import ProtobufC

/// Serves one connection.
package final class ServerConnection: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Responses of one read are sent before its end if they exceed this many bytes, to see whether the peer reads them.
    static let earlyFlushBytes = 64 << 10

    package let executor: EventLoopExecutor
    package let server: ServerShared
    /// The router of this event loop.
    package let router: Router
    package let peer: Peer
    let origin: CallOrigin
    let wire: any ServerWire
    /// The index in the metrics of the first name of its protocol.
    let protocolIndex: Int
    /// That of the event loop.
    let batch: ReadBatch
    /// The bytes that wait for the handlers of streams.
    package let inbound: FlowControlBudget

    // One thread uses the state, and no access lasts across a call that reenters the connection. Debug builds and sanitizers
    // check that; in release builds the checks would be an eighth of the instructions of a call.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package var state: ConnectionState

    /// The calls in flight, for the wire. Through an accessor, since the attribute above does not count in other modules.
    package var calls: CallTable {
        _read { yield state.calls }
        _modify { yield &state.calls }
    }

    /// The bytes that are sent at the end of the read, for the wire; as above.
    package var outgoing: ByteBuffer {
        _read { yield state.outgoing.buffer }
        _modify { yield &state.outgoing.buffer }
    }

    init(
        server: ServerShared, router: Router, wire: any ServerWire, protocolIndex: Int,
        takesTokensInRequests: Bool,
        executor: EventLoopExecutor, peer: Peer
    ) {
        self.server = server
        self.protocolIndex = protocolIndex
        self.router = router
        self.wire = wire
        self.executor = executor
        self.peer = peer
        batch = executor.batch
        origin = CallOrigin(
            peer: peer, executor: executor,
            isTrustedProxy: server.configuration.trustedProxies.contains { $0.includes(peer) },
            takesTokensInRequests: takesTokensInRequests, budgets: server.budgets)
        inbound = FlowControlBudget(limit: server.configuration.maximumQueuedBytesPerConnection)
        state = ConnectionState(server: server, now: executor.eventLoop.now)
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        state.context = context
        watch(state.timeouts.nextLook)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        end()
        state.context = nil
    }

    package func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !state.isClosing else { return }
        let bytes = unwrapInboundIn(data)
        server.metrics.received(bytes.readableBytes)
        wire.receive(bytes)
        serve()
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        if !state.isClosing,
            state.isPaused || state.held != nil || !wire.takesInput || !context.channel.isWritable
        {
            state.isReadHeld = true
        } else {
            context.read()
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            state.timeouts.resumedReading(at: executor.eventLoop.now)
            state.unsentBytes = 0
            if state.isPaused {
                state.isPaused = false
                serve()
            }
            flush()
            readIfHeld()
        } else if !state.isClosing {
            let look = state.timeouts.stoppedReading(at: executor.eventLoop.now)
            watch(look)
        }
        context.fireChannelWritabilityChanged()
    }

    /// Reads if the channel wanted to while reading was stopped.
    func readIfHeld() {
        guard state.isReadHeld, !state.isPaused, state.held == nil, wire.takesInput,
            let context = state.context, context.channel.isWritable
        else { return }
        state.isReadHeld = false
        context.read()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            state.calls.inputClosed()
            if !state.isPaused, state.held == nil { state.calls.endOpenInputs() }
            flush()
            if !state.isClosing { setCloseTimer(server.drainTime) { self.cancelAndClose() } }
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        state.ending = .failed
        context.close(promise: nil)
    }

    // MARK: Reading

    func serve() {
        state.isServing = true
        batch.run { wire.serve(self, in: batch, now: executor.eventLoop.now) }
        state.isServing = false
    }

    /// Whether the wire may begin another call now. Sends the responses if they are many bytes, and pauses if the peer does not
    /// read them.
    package func mayServe() -> Bool {
        if state.outgoing.byteCount >= Self.earlyFlushBytes {
            flush()
            state.isPaused = state.context.map { !$0.channel.isWritable } ?? false
        }
        return !state.isClosing && !state.isPaused && state.held == nil
    }

    /// The wire has served all complete messages; an incomplete one may be left.
    package func served(unfinished message: UnfinishedMessage?, now: NIODeadline) {
        let look = state.timeouts.served(unfinished: message, at: now)
        if let look { watch(look) }
        if state.calls.isInputClosed { state.calls.endOpenInputs() }
    }

    /// The wire stopped with messages left, which wait for this connection, so no timeout of a message applies.
    package func servingPaused(now: NIODeadline) {
        _ = state.timeouts.served(unfinished: nil, at: now)
    }

    // MARK: Times

    /// Checks deadlines and timeouts at this time or earlier.
    package func watch(_ deadline: NIODeadline) {
        state.deadlineTimer.watch(deadline, on: executor.eventLoop) { self.deadlineReached() }
    }

    private func deadlineReached() {
        state.deadlineTimer.fired()
        let expired = state.calls.takeExpiredCalls(now: executor.eventLoop.now)
        rejectAndCancel(expired, with: .deadlineExceeded)
        if let next = state.calls.nextDeadline { watch(next) }
        if let next = wire.checkTimes(self, now: executor.eventLoop.now) { watch(next) }
        flush()
        lookAtPeer()
    }

    /// Closes the connection if it timed out, otherwise sets the timer for the next check.
    func lookAtPeer() {
        guard !state.isClosing else { return }
        let hasCalls = state.calls.runningHandlers > 0 || wire.isBusy
        switch state.timeouts.look(at: executor.eventLoop.now, hasCalls: hasCalls) {
        case .lookAgain(let time): watch(time)
        case .timedOut(.idle):
            let isDraining = state.calls.isDraining
            if !isDraining { state.ending = .idle }
            closeBehindResponses(within: isDraining ? server.drainTime : Self.lastFlushTime)
        case .timedOut(let timeout):
            closeWithViolation(.slowPeer, ["cause": "\(timeout.rawValue)"])
        }
    }

    // MARK: Sending

    /// Sends what is collected at the end of the turn.
    package func flushSoon() {
        if state.isServing || state.willFlushAfterWakeUp { return }
        state.willFlushAfterWakeUp = executor.flushesAfterWakeUp(self)
        if !state.willFlushAfterWakeUp { flush() }
    }

    /// Sends the collected responses; closes the connection after the last ones.
    func flush() {
        guard !state.isClosing else { return }
        if wire.hasWaitingRequests, !state.isServing, !state.isPaused {
            serve()
            guard !state.isClosing else { return }
        }
        if !state.isServing, hasEnded { return closeBehindResponses(within: server.drainTime) }
        writeOutgoing()
        readIfHeld()
        if !state.waitingSenders.isEmpty {
            sendForWaitingSenders()
            writeOutgoing()
        }
    }

    /// Whether nothing is left to be answered, and nothing more can come.
    private var hasEnded: Bool {
        if wire.endsConnection { return true }
        return state.calls.isInputClosed && state.calls.isFinished && !state.isPaused && state.held == nil
            && !wire.isBusy
    }

    /// Writes the collected responses to the channel.
    func writeOutgoing() {
        countSucceeded()
        guard let context = state.context, !state.isClosing, state.outgoing.byteCount > 0 else { return }
        state.sendingTurn &+= 1
        let bytes = state.outgoing.take()
        server.metrics.sent(bytes.readableBytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        state.outgoing.reuse(bytes)
        state.unsentBytes = context.channel.isWritable ? 0 : Self.unsentBytes(of: context.channel)
    }

    private static func unsentBytes(of channel: any Channel) -> Int {
        (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Throws if the peer leaves more bytes unread than the limit.
    func checkUnreadBytes() throws(Rejection) {
        let limit = server.configuration.maximumUnreadBytes
        guard state.unsentBytes >= limit else { return }
        state.unsentBytes = state.context.map { Self.unsentBytes(of: $0.channel) } ?? 0
        if state.unsentBytes >= limit { throw .answersUnread(limit: limit) }
    }

    // MARK: The end

    private func end() {
        countSucceeded()
        state.isClosing = true
        wire.discardInput()
        state.held?.grace.cancel()
        state.held = nil
        inbound.notify {}
        dismissSenders()
        state.deadlineTimer.cancel()
        state.closeTimer?.cancel()
        state.closeTimer = nil
        abandonCalls()
        recordEnd()
    }
}

extension ServerConnection: WakeUpFlushing {
    package func flushAfterWakeUp() {
        state.willFlushAfterWakeUp = false
        flush()
    }
}
