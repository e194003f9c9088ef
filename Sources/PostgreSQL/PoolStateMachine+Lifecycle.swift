// How a pool starts, survives outages and ends, as decisions.

extension PoolStateMachine {
    // MARK: - Start

    /// The first connections are about to be made; a server that is starting up is waited for until the deadline.
    mutating func start(until deadline: ContinuousClock.Instant) {
        startDeadline = deadline
    }

    /// A connection's thread is about to be started.
    mutating func connectionStarted(_ connection: Int) {
        slots[connection].hasEnded = false
    }

    /// Whether the first connections are still being made.
    var isStarting: Bool { startDeadline != nil }

    // MARK: - Connections

    struct ConnectionUpAction {
        /// Whether it was the last of the first connections.
        var endsStart = false
        /// Whether it ends an outage.
        var endsOutage = false
    }

    /// A connection was made.
    mutating func connectionUp(
        _ connection: Int, generation: Int, at time: ContinuousClock.Instant
    ) -> ConnectionUpAction {
        var action = ConnectionUpAction()
        action.endsOutage = health != .up && outages > 0
        slots[connection].isUp = true
        slots[connection].generation = generation
        slots[connection].batchesInFlight = 0
        connectionShares.emptied(connection)
        if generation > 1 { statistics.reconnects &+= 1 }
        health = .up
        for shard in delayEstimators.indices { delayEstimators[shard] = QueueDelayEstimator(since: time) }
        if isStarting, slots.allSatisfy(\.isUp) {
            startDeadline = nil
            action.endsStart = true
        }
        return action
    }

    /// A connection could not be made. Returns whether the start has failed.
    mutating func connectionFailed(serverIsStarting: Bool, at time: ContinuousClock.Instant) -> Bool {
        guard let startDeadline else { return false }
        if serverIsStarting, time < startDeadline { return false }
        self.startDeadline = nil
        return true
    }

    enum ConnectionDownAction {
        /// Other connections take its requests.
        case dispatch
        /// It was the last one: after `outageTolerance`, `outageTimerFired` has to follow.
        case startOutageTimer(outage: Int)
    }

    /// A connection is lost.
    mutating func connectionDown(_ connection: Int) -> ConnectionDownAction {
        slots[connection].isUp = false
        slots[connection].batchesInFlight = 0
        connectionShares.emptied(connection)
        guard health == .up, slots.allSatisfy({ !$0.isUp }) else { return .dispatch }
        outages += 1
        health = .outage(outages)
        return .startOutageTimer(outage: outages)
    }

    /// An outage has lasted for as long as it is tolerated, unless it is over. Returns nil then, else what waited for a
    /// connection and fails.
    mutating func outageTimerFired(outage: Int) -> [FailedRequest]? {
        guard health == .outage(outage) else { return nil }
        health = .down
        return drain(.databaseUnavailable)
    }

    // MARK: - End

    /// Refuses new requests and lets accepted ones finish. Returns whether the pool has ended already.
    mutating func close() -> Bool {
        if lifecycle == .open { lifecycle = .draining }
        return hasEnded
    }

    /// Waits for nothing any more.
    mutating func forceClose() {
        lifecycle = .closing
    }

    /// Whether all threads have ended.
    var hasEnded: Bool { slots.allSatisfy(\.hasEnded) }

    /// Whether a connection has nothing to do any more, and never will.
    func shouldEnd(_ connection: Int) -> Bool {
        switch lifecycle {
        case .open: false
        case .closing: true
        case .draining:
            !slots[connection].isUp
                || (queue.count == 0 && pausing == 0 && slots[connection].batchesInFlight == 0)
        }
    }

    /// A connection's thread has ended. Returns nil while others run; then what has not been sent and fails.
    mutating func connectionEnded(_ connection: Int) -> [FailedRequest]? {
        slots[connection].hasEnded = true
        slots[connection].isUp = false
        return hasEnded ? drain(.poolClosed) : nil
    }

    private mutating func drain(_ error: DatabaseError) -> [FailedRequest] {
        queue.removeAll().compactMap { request in
            request.move(from: .queued, to: .taken) ? FailedRequest(request: request, error: error) : nil
        }
    }
}
