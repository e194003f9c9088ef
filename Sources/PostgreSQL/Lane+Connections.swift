// What the connections of a lane report to it: answers that settle calls or send them again, a line that is up,
// lost, or cannot be made.

internal import Dispatch
internal import Logging
internal import Synchronization

extension Lane {
    /// Takes back what a broken connection could not send.
    func giveBack(_ attempts: [Attempt], of batch: Batch, link index: Int) {
        let dropped = state.withLock { state in
            if state.slots[index].generation == batch.generation { state.slots[index].isUp = false }
            state.statistics.inFlight -= attempts.count
            return requeue(attempts, &state)
        }
        for call in dropped { call.fail(Self.cancelled) }
        // Its thread reports the loss itself; until then another connection may do it.
        pump()
    }

    /// Queues again what has to be, gives the connection its next group, and leaves the completed calls to
    /// its thread.
    func settle(_ answers: inout Answers, link index: Int) {
        let batch = state.withLock { state -> Batch? in
            state.slots[index].groupsInFlight -= min(answers.groups, state.slots[index].groupsInFlight)
            state.pausing += answers.later.count
            state.statistics.inFlight -=
                answers.completed.count + answers.again.count + answers.later.count
            if state.isForced || (state.health == .down && !answers.again.isEmpty) {
                let error = state.isForced ? Self.closed : Self.unavailable
                answers.completed += answers.again.map { ($0.call, .failure(error)) }
            } else if !answers.again.isEmpty {
                answers.completed += requeue(answers.again, &state).map {
                    ($0, .failure(Self.cancelled))
                }
            }
            return takeBatch(&state, index)
        }
        for attempt in answers.later { pauseAndRepeat(attempt) }
        if let batch {
            batch.link.send(batch)
            pump()
        } else if !answers.again.isEmpty {
            pump()
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
            if let refused { attempt.call.fail(refused) }
            pump()
            wakeIfClosing()
        }
    }

    func linkUp(_ index: Int, generation: Int) {
        let (starter, wasLost) = state.withLock { state in
            let wasLost = state.health != .up && state.outages > 0
            state.slots[index].isUp = true
            state.slots[index].generation = generation
            if generation > 1 { state.statistics.reconnects &+= 1 }
            state.slots[index].groupsInFlight = 0
            state.health = .up
            state.backlogs = Array(repeating: Backlog(), count: state.lines.count)
            guard state.slots.allSatisfy(\.isUp) else {
                return (nil as UnsafeContinuation<DatabaseError?, Never>?, wasLost)
            }
            defer { state.starter = nil }
            return (state.starter, wasLost)
        }
        if wasLost { logger.info("connected to PostgreSQL again", metadata: ["lane": "\(name)"]) }
        probe.isAlive()
        noteHealth()
        starter?.resume(returning: nil)
        pump()
    }

    func linkDown(_ index: Int) {
        let outage = state.withLock { state -> Int? in
            state.slots[index].isUp = false
            state.slots[index].groupsInFlight = 0
            guard state.health == .up, state.slots.allSatisfy({ !$0.isUp }) else { return nil }
            state.outages += 1
            state.health = .waiting(outage: state.outages)
            return state.outages
        }
        // What would have taken this connection takes another now.
        guard let outage else { return pump() }
        // A timer of its own: the connections' threads may be waiting for a name server.
        let tolerance = DispatchTimeInterval.milliseconds(
            Int(clamping: configuration.outageTolerance.milliseconds))
        DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: .now() + tolerance) { [self] in
            let calls = state.withLock { state -> [Call] in
                guard state.health == .waiting(outage: outage) else { return [] }
                state.health = .down
                return Self.drain(&state)
            }
            noteHealth()
            for call in calls { call.fail(Self.unavailable) }
            if !calls.isEmpty { wakeIfClosing() }
        }
    }

    func noteCancelRequest() {
        state.withLock { $0.statistics.cancelRequests &+= 1 }
    }

    func linkFailed(_ index: Int, _ error: DatabaseError, isStarting: Bool) {
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
                "no connection to PostgreSQL", metadata: ["lane": "\(name)", "reason": "\(error.reason)"])
        }
    }
}
