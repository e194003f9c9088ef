// The streams of one server connection: outgoing messages, sent fairly, and incoming messages, read while their queues have room.
// All of it runs on the connection's event loop.

package import NIOCore
internal import ProtobufC

// MARK: Messages out

extension ServerConnection {
    /// Sends a message if that is possible now. Throws if the call has ended.
    func sendNow(_ message: some Message, on stream: ServerStream) throws -> Bool {
        guard state.calls.isOpen(stream.token), !state.isClosing else { throw CancellationError() }
        guard mayStreamsSend, wire.hasRoom(stream.token.streamID),
            stream.turn.value.hasRoom(in: state.sendingTurn, server.configuration.streamLimits)
        else { return false }
        let byteCount = message.withEncoded {
            wire.writeMessage($0, streamID: stream.token.streamID, to: &state.outgoing.buffer)
        }
        guard let byteCount else { throw Status.messageTooLong }
        stream.turn.value.sent(byteCount)
        flushSoon()
        return true
    }

    /// Sends a message now, or when it is the stream's turn.
    func sendInTurn(_ sender: WaitingSender, _ continuation: UnsafeContinuation<Void, any Error>) {
        executor.eventLoop.preconditionInEventLoop()
        sender.wait(continuation)
        let stream = sender.stream
        guard state.calls.isOpen(stream.token), !state.isClosing else { return sender.cancel() }
        if mayStreamsSend, wire.hasRoom(stream.token.streamID),
            stream.turn.value.hasRoom(in: state.sendingTurn, server.configuration.streamLimits)
        {
            sender.send(through: wire, into: &state.outgoing.buffer)
        } else {
            state.waitingSenders.append(sender)
        }
        flushSoon()
    }

    private var mayStreamsSend: Bool {
        state.outgoing.byteCount < Self.earlyFlushBytes && state.context?.channel.isWritable ?? false
    }

    /// Sends waiting messages while the channel accepts them, one per sender, since a sender continues in a later turn of the
    /// loop. The stream that sent the least in its last turn comes first.
    func sendForWaitingSenders() {
        guard let context = state.context, context.channel.isWritable else { return }
        var waiting = state.waitingSenders[...]
        state.waitingSenders = []
        waiting.sort { $0.stream.turn.value.bytes < $1.stream.turn.value.bytes }
        while !state.isClosing, context.channel.isWritable, let sender = waiting.popFirst() {
            guard sender.isWaiting, state.calls.isOpen(sender.stream.token) else {
                sender.cancel()
                continue
            }
            guard wire.hasRoom(sender.stream.token.streamID),
                sender.stream.turn.value.hasRoom(in: state.sendingTurn, server.configuration.streamLimits)
            else {
                state.waitingSenders.append(sender)
                continue
            }
            sender.send(through: wire, into: &state.outgoing.buffer)
            if state.outgoing.byteCount >= Self.earlyFlushBytes { writeOutgoing() }
        }
        state.waitingSenders = waiting + state.waitingSenders
        if state.isClosing { dismissSenders() }
    }

    /// Fails all waiting senders, because nothing more can be sent.
    func dismissSenders() {
        let waiting = state.waitingSenders
        state.waitingSenders = []
        for sender in waiting { sender.cancel() }
    }

    /// Ends a stream of responses whose handler has returned.
    func handlerEndedStream(_ token: CallToken) {
        guard finished(token) else { return }
        wire.writeEndOfStream(token.streamID, to: &state.outgoing.buffer)
        record(token, .ok)
        flushSoon()
    }
}

// MARK: Messages in

extension ServerConnection {
    /// The queue for the requests of a new call.
    package func makeQueue() -> InboundQueue {
        InboundQueue(limits: server.configuration.streamLimits, budget: inbound)
    }

    /// Calls `resumeHeldMessage` of the wire when a handler takes a message of any stream, without stopping to read meanwhile.
    package func resumeWhenTaken() {
        let loop = NIOLoopBound(self, eventLoop: executor.eventLoop)
        inbound.notify { [eventLoop = executor.eventLoop] in
            eventLoop.execute {
                let connection = loop.value
                guard !connection.state.isClosing else { return }
                connection.goOnReading(now: connection.executor.eventLoop.now)
            }
        }
    }

    /// Stops reading until the queue of this stream has room, for a limited time. The wire keeps the message until
    /// `resumeHeldMessage`.
    package func hold(_ streamID: UInt32, now: NIODeadline) {
        let loop = NIOLoopBound(self, eventLoop: executor.eventLoop)
        inbound.notify { [eventLoop = executor.eventLoop] in eventLoop.execute { loop.value.roomWasMade() } }
        // A message may have been taken before the action was set.
        guard let queue = state.calls.queue(of: streamID), queue.isFull else { return resumeHeld(now: now) }
        let grace = max(server.slowStreamGrace - queue.stalled, .zero)
        state.held = HeldMessage(
            streamID: streamID, since: now,
            grace: executor.eventLoop.assumeIsolated().scheduleTask(in: grace) { self.graceIsOver() })
    }

    private func roomWasMade() {
        guard let held = state.held, let now = release(held) else { return }
        goOnReading(now: now)
    }

    private func graceIsOver() {
        guard let held = state.held, let now = release(held) else { return }
        if let call = state.calls.takeSlowCall(holding: held.streamID) {
            rejectAndCancel([call], with: .notTaken)
        }
        goOnReading(now: now)
    }

    private func release(_ held: HeldMessage) -> NIODeadline? {
        state.held = nil
        held.grace.cancel()
        guard !state.isClosing else { return nil }
        let now = executor.eventLoop.now
        state.calls.queue(of: held.streamID)?.stalled(for: now - held.since)
        return now
    }

    private func goOnReading(now: NIODeadline) {
        resumeHeld(now: now)
        serve()
        flush()
        readIfHeld()
    }

    private func resumeHeld(now: NIODeadline) {
        let wasServing = state.isServing
        state.isServing = true
        defer { state.isServing = wasServing }
        batch.run { wire.resumeHeldMessage(self, now: now) }
    }
}
