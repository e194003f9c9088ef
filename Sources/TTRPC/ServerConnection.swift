// The channel handler of one server connection: between the bytes of the channel, the rules of
// ServerConnectionState, and the handlers of the method table. It decides nothing by itself. How a request becomes a
// call is in ServerConnection+Calls, what only streams need in ServerConnection+Streams, what happens at the end in
// ServerConnection+End.
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
    static let earlyFlushBytes = 64 << 10

    let executor: EventLoopExecutor
    let server: ServerShared
    /// Those of its event loop.
    let methods: MethodTable
    let peer: Peer
    let origin: CallOrigin
    @exclusivity(unchecked) var lastMethod: RegisteredMethod?
    @exclusivity(unchecked) var remembered = RememberedMetadata()
    @exclusivity(unchecked) var state: ServerConnectionState
    @exclusivity(unchecked) var decoder = FrameDecoder()
    @exclusivity(unchecked) var answers = AnswerBuffer()
    @exclusivity(unchecked) var context: ChannelHandlerContext?
    @exclusivity(unchecked) var patience: PeerPatience
    @exclusivity(unchecked) var deadlineTimer = DeadlineTimer()
    var closeTimer: Scheduled<Void>?

    /// Counts how often the answers were handed to the channel: what a stream may send is limited for each time.
    @exclusivity(unchecked) private(set) var sendingTurn: UInt64 = 1
    /// The senders of all streams that have to wait for the channel.
    @exclusivity(unchecked) var sendersInLine: [WaitingSender] = []
    /// What waits for the handlers of streams.
    let inbound: InboundAccount
    /// A frame that has to wait for a handler; nothing is read meanwhile.
    @exclusivity(unchecked) var held: HeldFrame?

    /// Frames are being served, so the answers are sent when that is over.
    @exclusivity(unchecked) var isServingFrames = false
    /// The executor will call `flushAfterWakeUp`.
    @exclusivity(unchecked) private var willFlushAfterWakeUp = false
    /// Calls that have succeeded and are counted when their answers leave.
    @exclusivity(unchecked) var succeeded: SucceededCalls?
    /// The peer does not read its answers; frames that are here already have to wait.
    @exclusivity(unchecked) private var isPaused = false
    /// The channel wants to read and has to wait for the same reason.
    @exclusivity(unchecked) private(set) var isReadHeld = false
    /// The last answer is on its way and the connection closes behind it.
    @exclusivity(unchecked) var isClosing = false
    /// Why the connection ends, if for another reason than its peer's wish.
    @exclusivity(unchecked) var ending = ConnectionEnding.byPeer
    @exclusivity(unchecked) var isEndRecorded = false
    /// The bytes that the channel still held after the last flush.
    @exclusivity(unchecked) private var unsentBytes = 0

    init(server: ServerShared, methods: MethodTable, executor: EventLoopExecutor, peer: Peer) {
        self.server = server
        self.methods = methods
        self.executor = executor
        self.peer = peer
        origin = CallOrigin(peer: peer, server: server.number)
        state = ServerConnectionState(configuration: server.configuration)
        patience = PeerPatience(times: server.patience, now: executor.eventLoop.now)
        inbound = InboundAccount(limit: server.configuration.maximumQueuedBytesPerConnection)
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
        let bytes = unwrapInboundIn(data)
        server.metrics.received(bytes.readableBytes)
        decoder.append(bytes)
        executor.inTurn { serveFrames() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if !isClosing, isPaused || held != nil || !context.channel.isWritable {
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
            }
            flush()
            readIfHeld()
        } else if !isClosing {
            watch(patience.stoppedReading(at: executor.eventLoop.now))
        }
        context.fireChannelWritabilityChanged()
    }

    /// Reads what the channel wanted to read when that had to wait.
    func readIfHeld() {
        guard isReadHeld, !isPaused, held == nil, let context, context.channel.isWritable else { return }
        isReadHeld = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            state.inputClosed()
            if !isPaused, held == nil { state.endOpenInputs() }
            flush()
            if !isClosing { setCloseTimer(server.drainTime) { self.cancelAndClose() } }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        ending = .failed
        context.close(promise: nil)
    }

    // MARK: Frames

    func serveFrames() {
        isServingFrames = true
        defer {
            isServingFrames = false
            origin.forgetNote()
        }
        let now = executor.eventLoop.now
        while !isClosing, !isPaused, held == nil {
            switch decoder.next() {
            case .needsMoreBytes:
                if let look = patience.served(unfinished: decoder.unfinished, at: now) { watch(look) }
                if state.isInputClosed { state.endOpenInputs() }
                return
            case .header(let header): received(header, now: now)
            case .body(let header):
                if header.type == FrameType.request.rawValue {
                    start(header, now: now)
                } else {
                    receivedMessage(header)
                }
            case .notTTRPC: giveUp(.notTTRPC)
            }
            if answers.byteCount >= Self.earlyFlushBytes { pauseUnlessTaken() }
        }
        // What is here waits for us, so no frame can be late.
        _ = patience.served(unfinished: nil, at: now)
    }

    func received(_ header: FrameHeader, now: NIODeadline) {
        switch state.receivedHeader(header, now: now, serverIsFull: server.load.limitIfReached) {
        case .readBody: return
        case .skipBody: break
        case .refuse(let refusal):
            refuse(refusal, header.streamID)
        case .refuseAndCancel(let refusal, let call): answerAndCancel([call], with: refusal)
        case .hold: return hold(header, now: now)
        case .close: giveUp(.uselessFrames)
        }
        decoder.skipBody()
    }

    func refuse(_ refusal: Refusal, _ streamID: UInt32, of token: CallToken? = nil) {
        let answer = server.answer(to: refusal)
        record(answer.code, reason: answer.reason, token)
        answers.append(answer, streamID: streamID)
    }

    // MARK: Results

    func handlerSucceeded(_ token: CallToken, _ response: EncodedMessage) {
        guard finished(token) else { return }
        do throws(Refusal) {
            if unsentBytes >= server.configuration.maximumUnreadBytes { try checkQueue() }
            try answers.append(response, streamID: token.streamID)
            record(token, .ok)
        } catch {
            refuse(error, token.streamID, of: token)
        }
        if answers.byteCount >= Self.earlyFlushBytes, !isServingFrames { flush() }
        flushSoon()
    }

    func handlerFailed(_ token: CallToken, _ error: any Error) {
        let status = Status(ofHandlerError: error).named(domain: server.configuration.errorDomain)
        if status.code == .internal, !(error is Status) {
            server.logger.error(
                "a handler failed",
                metadata: [
                    "method": "\(server.metrics.name(of: token.method))", "error": "\(type(of: error))",
                    "request_id": "\(requestID(token.number))",
                ])
        }
        guard finished(token) else { return }
        record(status.code, reason: status.errorInfo?.reason ?? status.code.protoName, token)
        answers.append(status, streamID: token.streamID)
        flushSoon()
    }

    func handlerTurnedAway(_ token: CallToken) {
        guard finished(token) else { return }
        refuse(.overloaded, token.streamID, of: token)
        flushSoon()
    }

    func finished(_ token: CallToken) -> Bool {
        let (action, wasWaiting) = state.finished(token)
        if wasWaiting {
            server.load.callEnded(isStream: server.metrics.isStream(token.method))
            patience.callEnded()
        }
        return action == .answer
    }

    // MARK: Times

    func watch(_ deadline: NIODeadline) {
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
    func lookAtPeer() {
        guard !isClosing else { return }
        switch patience.look(at: executor.eventLoop.now, hasCalls: state.runningHandlers > 0) {
        case .lookAgain(let time): watch(time)
        case .giveUp(.idle):
            if !state.isDraining { ending = .idle }
            closeBehindAnswers(within: state.isDraining ? server.drainTime : Self.lastFlushTime)
        case .giveUp(let impatience): giveUp(.slowPeer, ["cause": "\(impatience.rawValue)"])
        }
    }

    func answerAndCancel(_ calls: [TakenCall], with refusal: Refusal) {
        for call in calls {
            refuse(refusal, call.streamID, of: call.token)
            call.work.cancel()
        }
    }

    // MARK: Sending

    func flushSoon() {
        if isServingFrames || willFlushAfterWakeUp { return }
        willFlushAfterWakeUp = executor.flushesAfterWakeUp(self)
        if !willFlushAfterWakeUp { flush() }
    }

    /// Sends what has gathered; closes the connection behind it if that was the last.
    func flush() {
        guard !isClosing else { return }
        if state.isInputClosed, state.isFinished, !isPaused, held == nil, !isServingFrames {
            return closeBehindAnswers(within: server.drainTime)
        }
        writeAnswers()
        if !sendersInLine.isEmpty {
            sendForThoseInLine()
            writeAnswers()
        }
    }

    /// Hands what has gathered to the channel.
    func writeAnswers() {
        countSucceeded()
        guard let context, !isClosing, answers.byteCount > 0 else { return }
        sendingTurn &+= 1
        let bytes = answers.take()
        server.metrics.sent(bytes.readableBytes)
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
        let limit = server.configuration.maximumUnreadBytes
        if unsentBytes >= limit { throw .answersUnread(limit: limit) }
    }

    private func pauseUnlessTaken() {
        flush()
        isPaused = context.map { !$0.channel.isWritable } ?? false
    }

    // MARK: The end

    private func end() {
        countSucceeded()
        isClosing = true
        decoder = FrameDecoder()
        held?.grace.cancel()
        held = nil
        inbound.notify {}
        dismissSenders()
        deadlineTimer.cancel()
        closeTimer?.cancel()
        closeTimer = nil
        abandonCalls()
        recordEnd()
    }
}

extension ServerConnection: WakeUpFlushing {
    func flushAfterWakeUp() {
        willFlushAfterWakeUp = false
        flush()
    }
}
