// The decisions of one connection pool: which request waits and which is sent where, what a lost connection and an outage
// mean, when a request is sent again, and when the pool has ended. It knows no thread, timer, socket or libpq:
// ConnectionPool holds it under a lock, reports each event, and executes the returned action after it released the lock.
//
// A request is sent at once while a connection is idle. Otherwise it waits, and the connection whose results come first
// takes all that has gathered as its next batch. So batches grow with the load and nothing waits for a timer. No second
// batch is sent ahead: both would be smaller, and on a busy machine the processor is the bottleneck.

struct PoolStateMachine: ~Copyable {
    struct Slot {
        var isUp = false
        /// Whether its thread has ended, or was never started.
        var hasEnded = true
        var generation = 0
        var batchesInFlight = 0
    }

    enum Health: Equatable {
        case up
        /// All connections have been lost a moment ago; requests wait. Ends with a connection, or as `down` by the timer.
        case outage(Int)
        /// Lost for longer than that, or never made; requests are refused at once.
        case down
    }

    enum Lifecycle {
        case open
        /// New requests are refused, and accepted ones finished.
        case draining
        /// Nothing is waited for.
        case closing
    }

    let purpose: ConnectionPurpose
    let limits: DatabaseConfiguration
    var slots: [Slot]
    var queue: RequestQueue
    var connectionShares: ConnectionShares
    /// For each shard of the queue of reads; of writes, only that of the shared shard is used.
    var delayEstimators: [QueueDelayEstimator]
    var lastSequenceNumber: UInt64 = 0
    /// Requests that pause after a deadlock.
    var pausing = 0
    var health = Health.down
    var outages = 0
    var lifecycle = Lifecycle.open
    /// Until when a server that is starting up is waited for, while the first connections are made.
    var startDeadline: ContinuousClock.Instant?
    /// What has been counted; `snapshot` adds the present state.
    var statistics = DatabaseStatistics.Pool()

    init(purpose: ConnectionPurpose, connections: Int, limits: DatabaseConfiguration) {
        self.purpose = purpose
        self.limits = limits
        slots = Array(repeating: Slot(), count: connections)
        queue = RequestQueue(connections: connections)
        connectionShares = ConnectionShares(connections: connections)
        delayEstimators = Array(repeating: QueueDelayEstimator(since: .now), count: connections + 1)
    }

    /// Whether requests are accepted.
    var isAvailable: Bool { health != .down && lifecycle == .open }

    /// The figures now.
    var snapshot: DatabaseStatistics.Pool {
        var figures = statistics
        figures.waiting = queue.count
        figures.connections = slots.count(where: \.isUp)
        return figures
    }

    // MARK: - Callers

    struct SubmitAction {
        /// To be sent now.
        var batch: PipelineBatch?
        /// Refused: the new request, or one that made room for it.
        var failed: FailedRequest?
    }

    /// A request arrives. If it belongs to a batch of its caller, it waits until that is flushed.
    mutating func submit(
        _ request: StatementRequest, isBatched: Bool, now: () -> ContinuousClock.Instant
    ) -> SubmitAction {
        func refusal(_ error: DatabaseError) -> SubmitAction {
            SubmitAction(failed: FailedRequest(request: request, error: error))
        }
        if lifecycle != .open { return refusal(.poolClosed) }
        if health == .down { return refusal(.databaseUnavailable) }
        guard request.move(from: .new, to: .queued) else { return refusal(.cancelledBeforeSending) }
        var action = SubmitAction()
        if queue.count >= limits.queueLimit {
            statistics.refused &+= 1
            guard let displaced = queue.removeFromLargestKey(for: request.fairnessKey) else {
                return refusal(.queueIsFull)
            }
            if displaced.move(from: .queued, to: .taken) {
                action.failed = FailedRequest(request: displaced, error: .queueIsFull)
            }
        }
        lastSequenceNumber &+= 1
        let shard = shard(of: request)
        let attempt = Attempt(
            request: request, sequenceNumber: lastSequenceNumber, alone: mustRunAlone(request.statement))
        queue.append(attempt, to: shard)
        if !isBatched { action.batch = nextBatch(now: now) }
        guard queue.contains(request) else {
            if sharesConnections(request), connectionShares.isNews(request.fairnessKey) {
                connectionShares.asked(request.fairnessKey, at: now())
            }
            return action
        }
        let time = now()
        if sharesConnections(request) { connectionShares.asked(request.fairnessKey, at: time) }
        queue.setWaitStart(of: request, to: time)
        noteWait(in: shard, since: time)
        return action
    }

    /// Whether a statement has a transaction of its own: what it locks is not known before it runs, or its settings are not
    /// those of others.
    private func mustRunAlone(_ statement: Statement) -> Bool {
        purpose == .writes
            ? limits.lockStatement != nil && statement.locks == nil : statement.isPlannedEachTime
    }

    enum CancelAction {
        case none
        case fail(DatabaseError)
        /// The connection is told to cancel it on the server, if it still runs there.
        case cancelOnServer(connection: Int)
        case failAndCancelOnServer(DatabaseError, connection: Int)
    }

    /// The caller of a request gave up.
    mutating func cancel(_ request: StatementRequest) -> CancelAction {
        let connection = request.connection
        switch request.phase {
        case .new:
            // Its submission finds the mark.
            _ = request.move(from: .new, to: .cancelled)
            return .none
        case .queued where request.move(from: .queued, to: .taken):
            queue.remove(request)
            return .fail(.cancelledBeforeSending)
        case .taken where purpose == .reads:
            return .failAndCancelOnServer(.cancelledBeforeSending, connection: connection)
        case .taken where request.move(from: .taken, to: .unwanted):
            return .cancelOnServer(connection: connection)
        case .queued, .taken, .cancelled, .unwanted, .over: return .none
        }
    }

    /// Whether the last of all that wait will have waited longer than `longestWait`.
    mutating func isCongested(isPointRead: Bool, now: () -> ContinuousClock.Instant) -> Bool {
        delays(.max, isPointRead: isPointRead, now: now)
    }

    /// Admission control: whether another request with this key would wait no longer than `longestWait`. A no is counted as
    /// refused.
    mutating func admits(
        isPointRead: Bool, fairnessKey: UInt64? = nil, now: () -> ContinuousClock.Instant
    ) -> Bool {
        let isSlow = delays(queue.countAhead(of: fairnessKey), isPointRead: isPointRead, now: now)
        if isSlow { statistics.refused &+= 1 }
        return !isSlow
    }

    /// Whether a request with so many of its kind before it, at most, waits longer than `longestWait`.
    private mutating func delays(
        _ countAhead: Int, isPointRead: Bool, now: () -> ContinuousClock.Instant
    ) -> Bool {
        // Without a connection requests wait for the next one, which says nothing about the drain rate.
        guard health == .up else { return false }
        let shard = isPointRead ? 0 : queue.sharedShard
        return delayEstimators[shard].delays(
            min(countAhead, purpose == .reads ? queue.count(in: shard) : queue.count),
            beyond: limits.longestWait, unknownRateLimit: limits.outageTolerance, now: now)
    }

    // MARK: - Batches

    /// The next batch for any connection that is idle.
    mutating func nextBatch(now: () -> ContinuousClock.Instant) -> PipelineBatch? {
        guard queue.count > 0 else { return nil }
        for connection in slots.indices {
            if let batch = nextBatch(for: connection, now: now) { return batch }
        }
        return nil
    }

    /// The next batch for a connection, if it is idle.
    mutating func nextBatch(for connection: Int, now: () -> ContinuousClock.Instant) -> PipelineBatch? {
        let slot = slots[connection]
        guard slot.isUp, slot.batchesInFlight == 0, queue.count > 0 else { return nil }
        var batch = PipelineBatch(connection: connection, generation: slot.generation)
        var time: ContinuousClock.Instant?
        var cost = 0
        let barred = barredKeys(for: connection, now: now)
        while cost < limits.batchLimit, let shard = nextShard(for: connection, skipping: barred) {
            guard let attempt = queue.removeFirst(of: shard, skipping: barred) else { break }
            guard attempt.request.move(from: .queued, to: .taken) else { continue }
            attempt.request.connection = connection
            cost += attempt.request.cost
            batch.append(attempt)
            delayEstimators[estimator(of: shard)].taken()
            guard let waitStart = attempt.waitStart else { continue }
            let taken = time ?? now()
            time = taken
            statistics.queueTime += Attempt.clockStart.duration(to: taken) - waitStart
        }
        guard !batch.attempts.isEmpty else { return nil }
        if sharesConnections(connection) { connectionShares.filled(connection, with: batch.attempts) }
        batch.arrange()
        let batches = batch.transactions
        slots[connection].batchesInFlight += batches
        statistics.batches &+= batches
        statistics.statements &+= batch.attempts.count
        statistics.inFlight += batch.attempts.count
        return batch
    }

    struct CompletionAction {
        /// To be sent now, over the same connection.
        var batch: PipelineBatch?
        var failed: [FailedRequest] = []
        /// Whether other connections may have something to send.
        var dispatches = false
    }

    /// Results came over a connection, or it is lost and what it owed was settled.
    mutating func completed<Share>(
        _ results: CompletedResults<Share>, on connection: Int, now: () -> ContinuousClock.Instant
    ) -> CompletionAction {
        slots[connection].batchesInFlight -= min(results.batches, slots[connection].batchesInFlight)
        if slots[connection].batchesInFlight == 0 { connectionShares.emptied(connection) }
        statistics.inFlight -= results.completed.count + results.again.count + results.later.count
        pausing += results.later.count
        var action = CompletionAction()
        action.dispatches = !results.again.isEmpty || queue.count > 0
        action.failed = requeue(results.again, now: now)
        action.batch = nextBatch(for: connection, now: now)
        if action.batch != nil { action.dispatches = true }
        return action
    }

    /// How long a request pauses that another transaction was in the way of. If both came back at once, they would be in
    /// each other's way again.
    static func pause(
        before attempt: Attempt, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let longest = 5_000 << min(attempt.failures, 6)
        return .microseconds(Int.random(in: 1_000...longest, using: &generator))
    }

    /// A request has paused.
    mutating func retryTimerFired(
        _ attempt: Attempt, now: () -> ContinuousClock.Instant
    ) -> FailedRequest? {
        pausing -= 1
        return requeue([attempt], now: now).first
    }

    /// A batch was not sent, or not all of it: its connection is broken, or has another session by now.
    mutating func sendFailed(
        _ attempts: [Attempt], of batch: PipelineBatch, now: () -> ContinuousClock.Instant
    ) -> [FailedRequest] {
        if slots[batch.connection].generation == batch.generation { slots[batch.connection].isUp = false }
        statistics.inFlight -= attempts.count
        return requeue(attempts, now: now)
    }

    /// Puts requests that have to be sent again in front; returns those that cannot be.
    private mutating func requeue(
        _ attempts: [Attempt], now: () -> ContinuousClock.Instant
    ) -> [FailedRequest] {
        guard !attempts.isEmpty else { return [] }
        let isClosed = lifecycle == .closing || hasEnded
        if isClosed || health == .down {
            let error: DatabaseError = isClosed ? .poolClosed : .databaseUnavailable
            return attempts.map { FailedRequest(request: $0.request, error: error) }
        }
        let time = now()
        var failed: [FailedRequest] = []
        for var attempt in attempts.reversed() {
            guard attempt.request.move(from: .taken, to: .queued) else {
                failed.append(FailedRequest(request: attempt.request, error: .cancelledBeforeSending))
                continue
            }
            attempt.waitStart = Attempt.clockStart.duration(to: time)
            statistics.retries &+= 1
            let shard = shard(of: attempt.request)
            queue.putBack(attempt, to: shard)
            noteWait(in: shard, since: time)
        }
        return failed
    }

    // MARK: - Routing

    /// Where a request waits. Writes with the same affinity key take the same connection. Point reads take the first
    /// connection and other reads the rest: point reads are faster in large batches, and must not wait for a report.
    private func shard(of request: StatementRequest) -> Int {
        guard purpose == .writes else { return request.isPointRead ? 0 : queue.sharedShard }
        guard let key = request.affinityKey, !slots.isEmpty else { return queue.sharedShard }
        return Int(UInt64(bitPattern: key) % UInt64(slots.count))
    }

    private func nextShard(for connection: Int, skipping barred: [UInt64]) -> Int? {
        queue.nextShard(skipping: barred) { serves(connection, shard: $0) }
    }

    /// The keys that a connection takes nothing of, because they fill their share of the others.
    private func barredKeys(for connection: Int, now: () -> ContinuousClock.Instant) -> [UInt64] {
        guard sharesConnections(connection) else { return [] }
        var count = 0
        for other in slots.indices where slots[other].isUp && sharesConnections(other) { count += 1 }
        return connectionShares.barredKeys(for: connection, of: count, now: now)
    }

    /// Whether a connection is one of several for the same reads. Writes are short, and most are bound to one connection.
    private func sharesConnections(_ connection: Int) -> Bool { purpose == .reads && connection > 0 }

    /// Whether a request may be carried out by one of several connections.
    private func sharesConnections(_ request: StatementRequest) -> Bool {
        purpose == .reads && !request.isPointRead
    }

    /// Whether a connection takes from a shard. The requests of one that is down are taken by the others.
    private func serves(_ connection: Int, shard: Int) -> Bool {
        if shard < slots.count { return shard == connection || !slots[shard].isUp }
        return purpose == .writes || connection > 0 || !slots.dropFirst().contains(where: \.isUp)
    }

    /// All writes share one estimate: which shard a call is going to use is not known before it has begun.
    private func estimator(of shard: Int) -> Int { purpose == .reads ? shard : queue.sharedShard }

    private mutating func noteWait(in shard: Int, since time: ContinuousClock.Instant) {
        let waiting = purpose == .reads ? queue.count(in: shard) : queue.count
        if waiting == 1 { delayEstimators[estimator(of: shard)] = QueueDelayEstimator(since: time) }
    }
}

extension DatabaseError {
    static let databaseUnavailable = DatabaseError(.unavailable, "the database cannot be reached")
    static let queueIsFull = DatabaseError(.queueFull, "too many statements are waiting")
    static let poolClosed = DatabaseError(.unavailable, "the database connections are closed")
    static let cancelledBeforeSending = DatabaseError(
        .cancelled, "the caller gave up before the statement was sent")
}
