// What the connections of a pool report to it: results that settle requests or send them again, a line that is up,
// lost, or cannot be made.

internal import Dispatch
internal import Logging
internal import Synchronization

extension ConnectionPool {
    /// Takes back what a broken connection could not send.
    func returnUnsent(_ attempts: [Attempt], of batch: PipelineBatch, connection index: Int) {
        let dropped = state.withLock { state in
            if state.slots[index].generation == batch.generation { state.slots[index].isUp = false }
            state.statistics.inFlight -= attempts.count
            return requeue(attempts, &state)
        }
        for request in dropped { request.fail(Self.cancelled) }
        // Its thread reports the loss itself; until then another connection may do it.
        dispatchQueued()
    }

    /// Queues again what has to be, gives the connection its next batch, and leaves the completed requests to
    /// its thread.
    func settle(_ results: inout CompletedResults, connection index: Int) {
        let batch = state.withLock { state -> PipelineBatch? in
            state.slots[index].batchesInFlight -= min(results.batches, state.slots[index].batchesInFlight)
            state.pausing += results.later.count
            state.statistics.inFlight -=
                results.completed.count + results.again.count + results.later.count
            if state.isForced || (state.health == .down && !results.again.isEmpty) {
                let error = state.isForced ? Self.closed : Self.unavailable
                results.completed += results.again.map { ($0.request, .failure(error)) }
            } else if !results.again.isEmpty {
                results.completed += requeue(results.again, &state).map {
                    ($0, .failure(Self.cancelled))
                }
            }
            return takeBatch(&state, index)
        }
        for attempt in results.later { pauseAndRepeat(attempt) }
        if let batch {
            batch.connection.send(batch)
            dispatchQueued()
        } else if !results.again.isEmpty {
            dispatchQueued()
        }
    }

    /// Two that got in each other's way would do so again if both came back at once.
    private func pauseAndRepeat(_ attempt: Attempt) {
        let longest = 5 << min(attempt.failures, 6)
        let pause = DispatchTimeInterval.microseconds(Int.random(in: 1_000...(longest * 1_000)))
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [self] in
            let refused = state.withLock { state -> DatabaseError? in
                state.pausing -= 1
                if state.isForced { return Self.closed }
                if state.health == .down { return Self.unavailable }
                return requeue([attempt], &state).isEmpty ? nil : Self.cancelled
            }
            if let refused { attempt.request.fail(refused) }
            dispatchQueued()
            wakeIfClosing()
        }
    }

    func connectionUp(_ index: Int, generation: Int) {
        let (starter, wasLost) = state.withLock { state in
            let wasLost = state.health != .up && state.outages > 0
            state.slots[index].isUp = true
            state.slots[index].generation = generation
            if generation > 1 { state.statistics.reconnects &+= 1 }
            state.slots[index].batchesInFlight = 0
            state.health = .up
            state.delayEstimators = Array(repeating: QueueDelayEstimator(), count: state.lines.count)
            guard state.slots.allSatisfy(\.isUp) else {
                return (nil as UnsafeContinuation<DatabaseError?, Never>?, wasLost)
            }
            defer { state.starter = nil }
            return (state.starter, wasLost)
        }
        if wasLost { logger.info("connected to PostgreSQL again", metadata: ["pool": "\(name)"]) }
        probe.isAlive()
        publishAvailability()
        starter?.resume(returning: nil)
        dispatchQueued()
    }

    func connectionDown(_ index: Int) {
        let outage = state.withLock { state -> Int? in
            state.slots[index].isUp = false
            state.slots[index].batchesInFlight = 0
            guard state.health == .up, state.slots.allSatisfy({ !$0.isUp }) else { return nil }
            state.outages += 1
            state.health = .waiting(outage: state.outages)
            return state.outages
        }
        // What would have taken this connection takes another now.
        guard let outage else { return dispatchQueued() }
        // A timer of its own: the connections' threads may be waiting for a name server.
        let tolerance = DispatchTimeInterval.milliseconds(
            Int(clamping: configuration.outageTolerance.milliseconds))
        DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: .now() + tolerance) { [self] in
            let requests = state.withLock { state -> [StatementRequest] in
                guard state.health == .waiting(outage: outage) else { return [] }
                state.health = .down
                return Self.drain(&state)
            }
            publishAvailability()
            for request in requests { request.fail(Self.unavailable) }
            if !requests.isEmpty { wakeIfClosing() }
        }
    }

    func noteCancelRequest() {
        state.withLock { $0.statistics.cancelRequests &+= 1 }
    }

    func connectionFailed(_ index: Int, _ error: DatabaseError, isStarting: Bool) {
        let starter = state.withLock { state -> UnsafeContinuation<DatabaseError?, Never>? in
            // A server that is still starting up is waited for; one that is not there is not.
            if isStarting, ContinuousClock.now < state.startDeadline { return nil }
            defer { state.starter = nil }
            return state.starter
        }
        if let starter {
            starter.resume(returning: error)
        } else {
            logger.debug(
                "no connection to PostgreSQL", metadata: ["pool": "\(name)", "reason": "\(error.reason)"])
        }
    }
}
