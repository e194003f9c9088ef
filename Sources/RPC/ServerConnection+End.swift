// The end of a server connection: open calls are answered, the last responses are sent, and the peer gets some time to read them.
// All of it runs on the connection's event loop.

package import Logging
internal import NIOCore

extension ServerConnection {
    /// How long sending the last responses may take when the connection ends at once.
    static let lastFlushTime = TimeAmount.seconds(1)

    /// Rejects new calls, ends the streams without an end, and closes the connection when all calls are answered and it is
    /// idle.
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

    /// Answers the calls in flight and closes the connection.
    func cancelAndClose() {
        let calls = state.calls.takeAllCalls()
        rejectAndCancel(calls, with: .cancelledByShutdown)
        state.calls.beginDraining()
        closeBehindResponses(within: Self.lastFlushTime)
    }

    /// Sends the responses that are ready and closes, because the peer violates the protocol or timed out.
    package func closeWithViolation(_ violation: RateLimitedLogger.Kind, _ facts: Logger.Metadata = [:]) {
        server.rateLimitedLogger.notice(violation, facts.merging(["peer": "\(peer)"]) { $1 })
        state.ending = .violation(violation)
        abandonCalls()
        closeBehindResponses(within: Self.lastFlushTime)
    }

    /// Cancels the calls in flight, because the connection is closed.
    func abandonCalls() {
        for call in state.calls.closed() {
            call.work.cancel()
            record(call.token, .cancelled)
        }
    }

    /// Sends the collected responses and closes, at the latest after a time limit.
    func closeBehindResponses(within time: TimeAmount) {
        guard let context = state.context, !state.isClosing else { return }
        countSucceeded()
        state.isClosing = true
        state.deadlineTimer.cancel()
        dismissSenders()
        wire.writeEnd(to: &state.outgoing.buffer)
        let written = context.eventLoop.makePromise(of: Void.self)
        let bytes = state.outgoing.take()
        server.metrics.sent(bytes.readableBytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
        setCloseTimer(time) { self.closeChannel() }
        written.futureResult.assumeIsolated().whenSuccess { self.linger() }
    }

    /// Closes the sending side, and waits some time for the peer to close its side. What the peer sends meanwhile is read and
    /// dropped, because TCP resets a connection that is closed with unread bytes, and the last responses would be lost.
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
