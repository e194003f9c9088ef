// The streams of one server connection: messages out, in turn, and messages in, as far as there is room for them.
// All of it runs on the connection's event loop.

internal import NIOCore
internal import ProtobufC

/// A Data frame whose header came while there was no room for its message. Nothing is read meanwhile.
struct HeldFrame {
    let header: FrameHeader
    let since: NIODeadline
    let grace: Scheduled<Void>
}

// MARK: Messages out

extension ServerConnection {
    /// Sends a message if it may go now. Throws when the call is over.
    func sendNow(_ message: some Message, on stream: ServerStream) throws -> Bool {
        guard state.isOpen(stream.token), !isClosing else { throw CancellationError() }
        guard hasRoomToSend, stream.turn.hasRoom(in: sendingTurn, server.configuration.streamLimits) else {
            return false
        }
        guard let byteCount = answers.appendMessage(message, streamID: stream.token.streamID) else {
            throw Status.messageTooLongForFrame
        }
        stream.turn.sent(byteCount)
        flushSoon()
        return true
    }

    /// Sends a message now or when it is its turn.
    func sendInTurn(_ sender: WaitingSender, _ continuation: UnsafeContinuation<Void, any Error>) {
        executor.eventLoop.preconditionInEventLoop()
        sender.wait(continuation)
        guard state.isOpen(sender.stream.token), !isClosing else { return sender.giveUp() }
        if hasRoomToSend, sender.stream.turn.hasRoom(in: sendingTurn, server.configuration.streamLimits) {
            sender.send(into: &answers)
        } else {
            sendersInLine.append(sender)
        }
        flushSoon()
    }

    private var hasRoomToSend: Bool {
        answers.byteCount < Self.earlyFlushBytes && context?.channel.isWritable ?? false
    }

    /// Sends for those who wait while the channel takes it; each sender once, since it goes on in a later turn of the
    /// loop. First comes whose stream has sent the least in its last turn: in the next it will find the buffer empty.
    func sendForThoseInLine() {
        guard let context, context.channel.isWritable else { return }
        var line = sendersInLine[...]
        sendersInLine = []
        line.sort { $0.stream.turn.bytes < $1.stream.turn.bytes }
        while !isClosing, context.channel.isWritable, let sender = line.popFirst() {
            guard sender.isWaiting, state.isOpen(sender.stream.token) else {
                sender.giveUp()
                continue
            }
            guard sender.stream.turn.hasRoom(in: sendingTurn, server.configuration.streamLimits) else {
                sendersInLine.append(sender)
                continue
            }
            sender.send(into: &answers)
            if answers.byteCount >= Self.earlyFlushBytes { writeAnswers() }
        }
        sendersInLine = line + sendersInLine
        if isClosing { dismissSenders() }
    }

    /// Nothing more can be sent.
    func dismissSenders() {
        let line = sendersInLine
        sendersInLine = []
        for sender in line { sender.giveUp() }
    }

    /// The handler of a stream of responses has returned.
    func handlerEndedStream(_ token: CallToken) {
        guard finished(token) else { return }
        answers.appendEndOfStream(token.streamID)
        record(token, .ok)
        flushSoon()
    }
}

// MARK: Messages in

extension ServerConnection {
    /// The client's side of a call that begins.
    func openInput(_ kind: MethodKind, _ payload: [UInt8], flags: UInt8) -> StreamInput {
        guard kind.streamsRequests else { return .single }
        let queue = InboundQueue(limits: server.configuration.streamLimits, account: inbound)
        return StreamInput(queue: queue, opening: payload, flags: FrameFlags(rawValue: flags))
    }

    func receivedMessage(_ header: FrameHeader) {
        state.receivedMessage(decoder.takeBody { Array($0) }, header)
    }

    /// Stops reading until there is room for this frame's message, but not for ever.
    func hold(_ header: FrameHeader, now: NIODeadline) {
        let loop = NIOLoopBound(self, eventLoop: executor.eventLoop)
        inbound.notify { [eventLoop = executor.eventLoop] in eventLoop.execute { loop.value.roomWasMade() } }
        let queue = state.queue(of: header.streamID)
        // Room that was made before the account was told to say so.
        guard let queue, queue.isFull else { return goOn(with: header, now: now) }
        let patience = max(server.slowStreamGrace - queue.stalled, .zero)
        held = HeldFrame(
            header: header, since: now,
            grace: executor.eventLoop.assumeIsolated().scheduleTask(in: patience) { self.graceIsOver() })
    }

    private func roomWasMade() {
        guard let held, let now = release(held) else { return }
        goOnReading(held.header, now: now)
    }

    private func graceIsOver() {
        guard let held, let now = release(held) else { return }
        if let call = state.takeSlowCall(holding: held.header.streamID) {
            answerAndCancel([call], with: .notTaken)
        }
        goOnReading(held.header, now: now)
    }

    private func release(_ held: HeldFrame) -> NIODeadline? {
        self.held = nil
        held.grace.cancel()
        guard !isClosing else { return nil }
        let now = executor.eventLoop.now
        state.queue(of: held.header.streamID)?.stalled(for: now - held.since)
        return now
    }

    private func goOnReading(_ header: FrameHeader, now: NIODeadline) {
        goOn(with: header, now: now)
        serveFrames()
        flush()
        readIfHeld()
    }

    private func goOn(with header: FrameHeader, now: NIODeadline) {
        isServingFrames = true
        defer { isServingFrames = false }
        received(header, now: now)
    }
}
