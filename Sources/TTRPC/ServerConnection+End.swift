// The end of a server connection, in order: what has to be answered still is, the last answers leave, and the peer has a
// moment to take them. All of it runs on the connection's event loop.

internal import Logging
internal import NIOCore

extension ServerConnection {
    /// How long the last answers may take to leave when the connection is to end now.
    static let lastFlushTime = TimeAmount.seconds(1)

    /// No new calls; ends the calls that would never end, and closes the connection when the others are answered and it
    /// has been idle for a moment.
    func drain() {
        ending = .drained
        state.beginDraining()
        patience.beginDraining(at: executor.eventLoop.now)
        answerAndCancel(state.takeEndlessCalls(), with: .shuttingDown)
        flush()
        lookAtPeer()
    }

    /// Answers what is still in flight and closes the connection.
    func cancelAndClose() {
        answerAndCancel(state.takeAllCalls(), with: .cancelledByShutdown)
        state.beginDraining()
        closeBehindAnswers(within: Self.lastFlushTime)
    }

    /// The peer talks nonsense or takes too long: sends the answers that were ready before that, and closes.
    func giveUp(_ kind: LimitedLog.Kind, _ facts: Logger.Metadata = [:]) {
        server.limitedLog.notice(kind, facts.merging(["peer": "\(peer)"]) { $1 })
        ending = .gaveUp(kind)
        abandonCalls()
        closeBehindAnswers(within: Self.lastFlushTime)
    }

    /// Nobody can be answered any more.
    func abandonCalls() {
        for call in state.closed() {
            call.work.cancel()
            record(call.token, .cancelled)
        }
    }

    /// Sends what has gathered and closes; a peer that does not take it in time loses it.
    func closeBehindAnswers(within time: TimeAmount) {
        guard let context, !isClosing else { return }
        countSucceeded()
        isClosing = true
        deadlineTimer.cancel()
        dismissSenders()
        let written = context.eventLoop.makePromise(of: Void.self)
        server.metrics.sent(answers.byteCount)
        context.writeAndFlush(wrapOutboundOut(answers.take()), promise: written)
        setCloseTimer(time) { self.context?.close(promise: nil) }
        written.futureResult.assumeIsolated().whenSuccess { self.linger() }
    }

    /// Says that no more will come, and waits a little for the peer to say so, too. What it sends meanwhile is read and
    /// dropped: closed upon unread bytes, TCP would throw away the answers that are still on their way.
    private func linger() {
        guard let context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in self.context?.close(promise: nil) }
        setCloseTimer(server.lingerTime) { self.context?.close(promise: nil) }
        context.close(mode: .output, promise: closed)
        if isReadHeld { context.read() }
    }

    func setCloseTimer(_ time: TimeAmount, _ action: @escaping () -> Void) {
        closeTimer?.cancel()
        closeTimer = executor.eventLoop.assumeIsolated().scheduleTask(in: time, action)
    }
}
