// The end of a server connection, in order: what has to be answered still is, the last responses leave, and the peer has
// a moment to read them. All of it runs on the connection's event loop.

package import Logging
internal import NIOCore

extension ServerConnection {
    /// How long the last responses may take to leave when the connection is to end now.
    static let lastFlushTime = TimeAmount.seconds(1)

    /// No new calls; ends the calls that would never end, and closes the connection when the others are answered and it
    /// has been idle for a moment.
    func drain() {
        state.ending = .drained
        state.calls.beginDraining()
        state.timeouts.beginDraining(at: executor.eventLoop.now)
        wire.writeDrain(to: &state.outgoing.buffer)
        let endless = state.calls.takeEndlessCalls()
        rejectAndCancel(endless, with: .shuttingDown)
        flush()
        lookAtPeer()
    }

    /// Answers what is still in flight and closes the connection.
    func cancelAndClose() {
        let calls = state.calls.takeAllCalls()
        rejectAndCancel(calls, with: .cancelledByShutdown)
        state.calls.beginDraining()
        closeBehindResponses(within: Self.lastFlushTime)
    }

    /// The peer breaks the protocol or takes too long: sends the responses that were ready before that, and closes.
    package func closeWithViolation(_ violation: RateLimitedLogger.Kind, _ facts: Logger.Metadata = [:]) {
        server.rateLimitedLogger.notice(violation, facts.merging(["peer": "\(peer)"]) { $1 })
        state.ending = .violation(violation)
        abandonCalls()
        closeBehindResponses(within: Self.lastFlushTime)
    }

    /// Cancels the calls in flight: nobody can be answered any more.
    func abandonCalls() {
        for call in state.calls.closed() {
            call.work.cancel()
            record(call.token, .cancelled)
        }
    }

    /// Sends what has gathered and closes; a peer that does not read it in time loses it.
    func closeBehindResponses(within time: TimeAmount) {
        guard let context = state.context, !state.isClosing else { return }
        countSucceeded()
        state.isClosing = true
        state.deadlineTimer.cancel()
        dismissSenders()
        let written = context.eventLoop.makePromise(of: Void.self)
        let bytes = state.outgoing.take()
        server.metrics.sent(bytes.readableBytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
        setCloseTimer(time) { self.closeChannel() }
        written.futureResult.assumeIsolated().whenSuccess { self.linger() }
    }

    /// Closes the sending side, and waits a little for the peer to close its own. What it sends meanwhile is read and
    /// dropped: closed with unread bytes, TCP would throw away the responses that are still on their way.
    private func linger() {
        guard let context = state.context else { return }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in self.closeChannel() }
        setCloseTimer(server.lingerTime) { self.closeChannel() }
        context.close(mode: .output, promise: closed)
        if state.isReadHeld { context.read() }
    }

    private func closeChannel() {
        let context = state.context
        context?.close(promise: nil)
    }

    func setCloseTimer(_ time: TimeAmount, _ action: @escaping () -> Void) {
        state.closeTimer?.cancel()
        state.closeTimer = executor.eventLoop.assumeIsolated().scheduleTask(in: time, action)
    }
}
