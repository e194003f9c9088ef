// The channel handler of one server connection: between the bytes of the channel, the rules of
// ServerConnectionState, and the handlers of the method table. It decides nothing by itself.
//
// All of it runs on the connection's event loop. Requests are served as they are cut from a read; most handlers
// end on the spot, and their answers leave in one write when the read is over (`channelReadComplete`). A handler
// that waits comes back in a wake-up of the loop's executor, and the answers of one wake-up leave in one write.
//
// The properties are used from one thread and none is lent out across a call that comes back to it, so they do
// without Swift's exclusivity checks at run time: those were an eighth of the instructions of a call.

internal import Logging
internal import NIOCore
internal import ProtobufC
internal import TTRPCMessages

/// Serves one connection.
final class ServerConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Answers that have gathered during one read are sent early beyond this many bytes, to see whether the peer
    /// takes them.
    private static let earlyFlushBytes = 64 << 10

    /// How long the last answers may take to leave when the connection is to end now.
    private static let lastFlushTime = TimeAmount.seconds(1)

    /// How long the peer may take to close its side after ours. What it sends meanwhile is read and dropped: closed
    /// upon unread bytes, TCP would throw away the answers that are still on their way.
    private static let lingerTime = TimeAmount.seconds(1)

    let executor: EventLoopExecutor
    private let server: ServerShared
    private let peer: Peer
    @exclusivity(unchecked) private var state: ServerConnectionState
    @exclusivity(unchecked) private var decoder = FrameDecoder()
    @exclusivity(unchecked) private var answers = AnswerBuffer()
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var patience: PeerPatience
    @exclusivity(unchecked) private var deadlineTimer = DeadlineTimer()
    private var closeTimer: Scheduled<Void>?

    /// Frames are being served, so the answers are sent when that is over.
    @exclusivity(unchecked) private var isServingFrames = false
    /// The executor will call `flushAfterWakeUp`.
    @exclusivity(unchecked) private var willFlushAfterWakeUp = false
    /// The peer does not read its answers; frames that are here already have to wait.
    @exclusivity(unchecked) private var isPaused = false
    /// The channel wants to read and has to wait for the same reason.
    @exclusivity(unchecked) private var isReadHeld = false
    /// The last answer is on its way and the connection closes behind it.
    @exclusivity(unchecked) private var isClosing = false
    /// The bytes that the channel still held after the last flush.
    @exclusivity(unchecked) private var unsentBytes = 0

    init(server: ServerShared, executor: EventLoopExecutor, peer: Peer) {
        self.server = server
        self.executor = executor
        self.peer = peer
        state = ServerConnectionState(configuration: server.configuration)
        patience = PeerPatience(times: server.patience, now: executor.eventLoop.now)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watch(patience.nextLook)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        decoder.append(unwrapInboundIn(data))
        serveFrames()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if !isClosing, isPaused || !context.channel.isWritable {
            isReadHeld = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            patience.resumedReading(at: executor.eventLoop.now)
            unsentBytes = 0
            if isPaused {
                isPaused = false
                serveFrames()
                flush()
            }
            if isReadHeld, !isPaused {
                isReadHeld = false
                context.read()
            }
        } else if !isClosing {
            watch(patience.stoppedReading(at: executor.eventLoop.now))
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            state.inputClosed()
            flush()
            if !isClosing { setCloseTimer(server.drainTime) { self.cancelAndClose() } }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        context.close(promise: nil)
    }

    // MARK: Frames

    private func serveFrames() {
        isServingFrames = true
        defer { isServingFrames = false }
        let now = executor.eventLoop.now
        while !isClosing, !isPaused {
            switch decoder.next() {
            case .needsMoreBytes:
                if let look = patience.served(unfinished: decoder.unfinished, at: now) { watch(look) }
                return
            case .header(let header): received(header, now: now)
            case .body(let header): serve(header, now: now)
            case .notTTRPC: giveUp(.notTTRPC)
            }
            if answers.byteCount >= Self.earlyFlushBytes { pauseUnlessTaken() }
        }
    }

    private func received(_ header: FrameHeader, now: NIODeadline) {
        switch state.receivedHeader(header, now: now, serverIsFull: server.load.limitIfReached) {
        case .readBody: return
        case .skipBody: break
        case .refuse(let refusal):
            refuse(refusal, header.streamID)
        case .refuseAndCancel(let refusal, let task):
            refuse(refusal, header.streamID)
            task.cancel()
        case .close: giveUp(.uselessFrames)
        }
        decoder.skipBody()
    }

    private func serve(_ header: FrameHeader, now: NIODeadline) {
        let streamID = header.streamID
        let envelope = decoder.takeBody { try? TTRPCRequest(decoding: $0) }
        guard let envelope else { return refuse(.invalidEnvelope, streamID) }
        let method: RegisteredMethod
        switch server.methods.find(service: envelope.service, method: envelope.method) {
        case .success(let found): method = found
        case .failure(.service): return refuse(.unknownService(envelope.service), streamID)
        case .failure(.method): return refuse(.unknownMethod(envelope.method), streamID)
        }
        var call = ReceivedCall(
            service: method.service, method: method.name, metadata: Metadata(), deadline: nil, peer: peer,
            payload: envelope.payload)
        if envelope.timeoutNano != 0 {
            guard envelope.timeoutNano > 0 else { return refuse(.deadlineExceeded, streamID) }
            let deadline = now + min(.nanoseconds(envelope.timeoutNano), server.maximumTimeout)
            guard deadline > executor.eventLoop.now else { return refuse(.deadlineExceeded, streamID) }
            call.deadline = deadline
        }
        if !envelope.metadata.isEmpty {
            do {
                call.metadata = try Metadata(received: envelope.metadata, configuration: server.configuration)
            } catch {
                return refuse(error, streamID)
            }
        }
        let token = state.begin(streamID: streamID, byteCount: Int(header.length))
        let task = method.start(call, Responder(connection: self, token: token))
        guard state.started(token, task: task, deadline: call.deadline) else { return }
        server.load.callStarted()
        if let deadline = call.deadline, !isClosing { watch(deadline) }
    }

    private func refuse(_ refusal: Refusal, _ streamID: UInt32) {
        answers.append(refusal.status(domain: server.configuration.errorDomain), streamID: streamID)
    }

    // MARK: Results

    func handlerSucceeded(_ token: CallToken, _ response: some Message) {
        guard finished(token) else { return }
        do throws(Refusal) {
            if unsentBytes >= server.configuration.maximumQueuedBytes { try checkQueue() }
            try answers.append(response, streamID: token.streamID)
        } catch {
            refuse(error, token.streamID)
        }
        if answers.byteCount >= Self.earlyFlushBytes, !isServingFrames { flush() }
        flushSoon()
    }

    func handlerFailed(_ token: CallToken, _ error: any Error) {
        let status = Status(ofHandlerError: error)
        if status.code == .internal {
            server.logger.error("a handler failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        }
        guard finished(token) else { return }
        answers.append(status.named(domain: server.configuration.errorDomain), streamID: token.streamID)
        flushSoon()
    }

    private func finished(_ token: CallToken) -> Bool {
        let (action, wasWaiting) = state.finished(token)
        if wasWaiting {
            server.load.callEnded()
            patience.callEnded()
        }
        return action == .answer
    }

    // MARK: Times

    private func watch(_ deadline: NIODeadline) {
        deadlineTimer.watch(deadline, on: executor.eventLoop) { self.deadlineReached() }
    }

    private func deadlineReached() {
        deadlineTimer.fired()
        answerAndCancel(state.takeExpiredCalls(now: executor.eventLoop.now), with: .deadlineExceeded)
        if let next = state.nextDeadline { watch(next) }
        flush()
        lookAtPeer()
    }

    /// Closes the connection of a peer whose time is over, or sets the timer for when that may be.
    private func lookAtPeer() {
        guard !isClosing else { return }
        switch patience.look(at: executor.eventLoop.now, hasCalls: state.runningHandlers > 0) {
        case .lookAgain(let time): watch(time)
        case .giveUp(.idle):
            closeBehindAnswers(within: state.isDraining ? server.drainTime : Self.lastFlushTime)
        case .giveUp(let impatience): giveUp(.slowPeer, ["cause": "\(impatience.rawValue)"])
        }
    }

    private func answerAndCancel(
        _ calls: [(streamID: UInt32, task: Task<Void, Never>)], with refusal: Refusal
    ) {
        for call in calls {
            refuse(refusal, call.streamID)
            call.task.cancel()
        }
    }

    // MARK: Sending

    private func flushSoon() {
        if isServingFrames || willFlushAfterWakeUp { return }
        willFlushAfterWakeUp = executor.flushesAfterWakeUp(self)
        if !willFlushAfterWakeUp { flush() }
    }

    /// Sends what has gathered; closes the connection behind it if that was the last.
    private func flush() {
        guard let context, !isClosing else { return }
        if state.isInputClosed, state.isFinished, !isPaused, !isServingFrames {
            return closeBehindAnswers(within: server.drainTime)
        }
        guard answers.byteCount > 0 else { return }
        let bytes = answers.take()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answers.reuse(bytes)
        unsentBytes = context.channel.isWritable ? 0 : Self.unsentBytes(of: context.channel)
    }

    private static func unsentBytes(of channel: any Channel) -> Int {
        (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Throws if the peer still has not read more than it may leave.
    private func checkQueue() throws(Refusal) {
        unsentBytes = context.map { Self.unsentBytes(of: $0.channel) } ?? 0
        let limit = server.configuration.maximumQueuedBytes
        if unsentBytes >= limit { throw .answersUnread(limit: limit) }
    }

    private func pauseUnlessTaken() {
        flush()
        isPaused = context.map { !$0.channel.isWritable } ?? false
    }

    // MARK: The end

    /// No new calls; closes the connection when those in flight are answered and it has been idle for a moment.
    func drain() {
        state.beginDraining()
        patience.beginDraining()
        lookAtPeer()
    }

    /// Answers what is still in flight and closes the connection.
    func cancelAndClose() {
        answerAndCancel(state.takeAllCalls(), with: .cancelledByShutdown)
        state.beginDraining()
        closeBehindAnswers(within: Self.lastFlushTime)
    }

    /// The peer talks nonsense or takes too long: sends the answers that were ready before that, and closes.
    private func giveUp(_ kind: LimitedLog.Kind, _ facts: Logger.Metadata = [:]) {
        server.limitedLog.notice(kind, facts.merging(["peer": "\(peer)"]) { $1 })
        for task in state.closed() { task.cancel() }
        closeBehindAnswers(within: Self.lastFlushTime)
    }

    /// Sends what has gathered and closes; a peer that does not take it in time loses it.
    private func closeBehindAnswers(within time: TimeAmount) {
        guard let context, !isClosing else { return }
        isClosing = true
        deadlineTimer.cancel()
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(answers.take()), promise: written)
        setCloseTimer(time) { self.context?.close(promise: nil) }
        written.futureResult.assumeIsolated().whenSuccess { self.linger() }
    }

    /// Says that no more will come, and waits a little for the peer to say so, too.
    private func linger() {
        guard let context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in self.context?.close(promise: nil) }
        setCloseTimer(Self.lingerTime) { self.context?.close(promise: nil) }
        context.close(mode: .output, promise: closed)
        if isReadHeld { context.read() }
    }

    private func setCloseTimer(_ time: TimeAmount, _ action: @escaping () -> Void) {
        closeTimer?.cancel()
        closeTimer = executor.eventLoop.assumeIsolated().scheduleTask(in: time, action)
    }

    private func end() {
        isClosing = true
        decoder = FrameDecoder()
        deadlineTimer.cancel()
        closeTimer?.cancel()
        closeTimer = nil
        for task in state.closed() { task.cancel() }
    }
}

extension ServerConnection: WakeUpFlushing {
    func flushAfterWakeUp() {
        willFlushAfterWakeUp = false
        flush()
    }
}
