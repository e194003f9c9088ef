// What the connections of a pool report to it.

internal import Dispatch
internal import Logging
internal import Synchronization

extension ConnectionPool {
    /// A batch was not sent, or not all of it.
    func sendFailed(_ attempts: [Attempt], of batch: PipelineBatch) {
        let failed = state.withLock { $0.machine.sendFailed(attempts, of: batch, now: Self.now) }
        for request in failed { request.deliver() }
        // The connection's thread reports the loss itself; until then another connection may take its requests.
        dispatchQueued()
    }

    /// Results came over a connection. Sends its next batch; delivering the results is left to its thread, so that the
    /// server is not idle meanwhile.
    func completed(_ results: CompletedResults<Rows>, on connection: Int) {
        let (action, dispatch) = state.withLock { state -> (PoolStateMachine.CompletionAction, Dispatch?) in
            var action = state.machine.completed(results, on: connection, now: Self.now)
            let dispatch = state.dispatch(action.batch)
            action.batch = nil
            return (action, dispatch)
        }
        dispatch?.send()
        for attempt in results.later { retryAfterPause(attempt) }
        if action.dispatches { dispatchQueued() }
        for request in action.failed { request.deliver() }
    }

    private func retryAfterPause(_ attempt: Attempt) {
        var generator = SystemRandomNumberGenerator()
        let pause = PoolStateMachine.pause(before: attempt, using: &generator)
        DispatchQueue.global().asyncAfter(deadline: .now() + pause.dispatchInterval) { [self] in
            state.withLock { $0.machine.retryTimerFired(attempt, now: Self.now) }?.deliver()
            dispatchQueued()
            wakeIfClosing()
        }
    }

    /// A connection was made.
    func connectionUp(_ connection: Int, generation: Int) {
        let (action, starter) = state.withLock { state in
            let action = state.machine.connectionUp(connection, generation: generation, at: .now)
            return (action, action.endsStart ? state.starter.take() : nil)
        }
        if action.endsOutage { logger.info("connected to PostgreSQL again", metadata: ["pool": "\(name)"]) }
        probe.isAlive()
        publishAvailability()
        starter?.resume(returning: nil)
        dispatchQueued()
    }

    /// A connection could not be made.
    func connectionFailed(_ error: DatabaseError, serverIsStarting: Bool) {
        let starter = state.withLock { state in
            state.machine.connectionFailed(serverIsStarting: serverIsStarting, at: .now)
                ? state.starter.take() : nil
        }
        if let starter {
            starter.resume(returning: error)
        } else {
            logger.debug(
                "no connection to PostgreSQL", metadata: ["pool": "\(name)", "reason": "\(error.reason)"])
        }
    }

    /// A connection is lost.
    func connectionDown(_ connection: Int) {
        switch state.withLock({ $0.machine.connectionDown(connection) }) {
        case .dispatch: dispatchQueued()
        case .startOutageTimer(let outage):
            // On a queue of its own: the connections' threads may be waiting for a name server.
            DispatchQueue.global(qos: .userInitiated)
                .asyncAfter(deadline: .now() + configuration.outageTolerance.dispatchInterval) { [self] in
                    guard let failed = state.withLock({ $0.machine.outageTimerFired(outage: outage) })
                    else { return }
                    publishAvailability()
                    for request in failed { request.deliver() }
                    wakeIfClosing()
                }
        }
    }

    /// A request to cancel is sent to the server.
    func countCancelRequest() {
        state.withLock { $0.machine.statistics.cancelRequests &+= 1 }
    }
}

extension Duration {
    fileprivate var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        guard seconds < 1_000_000 else { return .seconds(Int(clamping: seconds)) }
        return .microseconds(Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000))
    }
}
