// A pool as ConnectionPool and PooledConnection run it, without threads: each event is one call, and whoever calls decides
// in which order they happen. It checks, at each event, what always has to hold.

@testable import PostgreSQL

/// What does not hold.
struct InvariantViolation: Error, CustomStringConvertible {
    let description: String
}

final class SimulatedConnection {
    var pipeline: PipelineStateMachine<SimulatedResponse>
    var server: SimulatedServer?
    /// Whether its socket still takes what is sent.
    var sends = true
    var hasEnded = false

    init(purpose: ConnectionPurpose) {
        pipeline = PipelineStateMachine(purpose: purpose, attemptLimit: 4)
    }
}

final class SimulatedPool {
    struct Caller {
        let request: StatementRequest
        var isCancelled = false
        var outcome: Result<Int, DatabaseError>?
    }

    let purpose: ConnectionPurpose
    let limits: DatabaseConfiguration
    let storage = SimulatedStorage()
    let connections: [SimulatedConnection]
    var machine: PoolStateMachine
    var callers: [Caller] = []
    var time = ContinuousClock.now
    var retryTimers: [Attempt] = []
    var outageTimers: [Int] = []
    private var callerNumbers: [ObjectIdentifier: Int] = [:]
    /// By shard and key, the sequence number of the last request that was sent for the first time.
    private var lastSent: [[UInt64?]: UInt64] = [:]

    init(purpose: ConnectionPurpose, connections count: Int, limits: DatabaseConfiguration) {
        self.purpose = purpose
        self.limits = limits
        connections = (0..<count).map { _ in SimulatedConnection(purpose: purpose) }
        machine = PoolStateMachine(purpose: purpose, connections: count, limits: limits)
        machine.start(until: time + .seconds(10))
        for index in 0..<count { machine.connectionStarted(index) }
    }

    private func now() -> ContinuousClock.Instant { time }

    func check(_ condition: Bool, _ text: @autoclosure () -> String) throws(InvariantViolation) {
        if !condition { throw InvariantViolation(description: text()) }
    }

    // MARK: - Callers

    func submit(
        _ statement: Statement, _ behaviour: SimulatedBehaviour, affinityKey: Int64?, fairnessKey: UInt64?,
        isBatched: Bool
    ) throws(InvariantViolation) {
        let request = StatementRequest(
            statement, [], isPointRead: statement.isPointRead, affinityKey: affinityKey,
            fairnessKey: fairnessKey)
        callerNumbers[ObjectIdentifier(request)] = callers.count
        callers.append(Caller(request: request))
        storage.behaviours.append(behaviour)
        storage.commits.append(0)
        let before = machine.queue.count
        let action = machine.submit(request, isBatched: isBatched, now: now)
        try check(machine.queue.count <= max(before, limits.queueLimit), "the queue is longer than its limit")
        try send(action.batch)
        if let failed = action.failed { try fail(failed) }
    }

    func cancel(_ number: Int) throws(InvariantViolation) {
        callers[number].isCancelled = true
        let request = callers[number].request
        switch machine.cancel(request) {
        case .none: break
        case .fail(let error): try fail(FailedRequest(request: request, error: error))
        case .cancelOnServer(let index): cancelOnServer(index)
        case .failAndCancelOnServer(let error, let index):
            try fail(FailedRequest(request: request, error: error))
            cancelOnServer(index)
        }
    }

    private func cancelOnServer(_ index: Int) {
        let connection = connections[index]
        if case .current = connection.pipeline.unwanted, !connection.pipeline.isCancelling {
            connection.pipeline.startCancelling()
        }
    }

    /// A request to cancel arrives at the server, and is through.
    func cancellationArrives(at index: Int) {
        let connection = connections[index]
        guard connection.pipeline.isCancelling else { return }
        if connection.server?.inbox.isEmpty == false { connection.server?.isCancelled = true }
        connection.pipeline.endCancelling(generation: connection.pipeline.generation)
    }

    private func number(of request: StatementRequest) -> Int {
        callerNumbers[ObjectIdentifier(request)] ?? -1
    }

    private func deliver(
        _ request: StatementRequest, _ outcome: Result<Int, DatabaseError>
    ) throws(InvariantViolation) {
        let number = number(of: request)
        let caller = callers[number]
        guard request.claim() else {
            return try check(caller.isCancelled && purpose == .reads, "caller \(number) is told twice")
        }
        try check(caller.outcome == nil, "caller \(number) has two outcomes")
        callers[number].outcome = outcome
        switch outcome {
        case .success(let value):
            try check(value == number, "caller \(number) is given the result of \(value)")
            try check(
                purpose == .reads || storage.commits[number] == 1,
                "caller \(number) is told of a commit that happened \(storage.commits[number]) times")
        case .failure(let error):
            try check(
                error.kind != .cancelled || caller.isCancelled, "caller \(number) did not cancel")
        }
    }

    private func fail(_ failed: FailedRequest) throws(InvariantViolation) {
        try deliver(failed.request, .failure(failed.error))
    }

    // MARK: - Sending

    func dispatch() throws(InvariantViolation) {
        while let batch = machine.nextBatch(now: now) { try send(batch) }
    }

    private func send(_ batch: PipelineBatch?) throws(InvariantViolation) {
        guard let batch else { return }
        try check(batch.attempts.count <= limits.batchLimit, "a batch is larger than its limit")
        // Within a batch, requests of the same statement are next to each other.
        for attempt in batch.attempts.sorted(by: { $0.sequenceNumber < $1.sequenceNumber }) {
            try checkOrder(of: attempt, on: batch.connection)
        }
        let connection = connections[batch.connection]
        guard connection.pipeline.canSend(generation: batch.generation, at: time) else {
            return try sendFailed(batch.attempts[...], of: batch)
        }
        var start = 0
        while start < batch.attempts.count {
            let end = batch.endOfTransaction(from: start)
            var messages: [SimulatedServer.Message] = []
            var place = start
            while place < end {
                let endOfRun = batch.endOfRun(from: place, before: end)
                let attempts = batch.attempts[place..<endOfRun]
                let execution = connection.pipeline.execute(
                    attempts, statement: attempts.first?.request.statement.single.number ?? 0, types: [],
                    alone: start >= batch.sharedCount)
                if execution.needsPrepare { messages.append(.prepare(execution.statement.name)) }
                messages.append(
                    .execute(execution.statement.name, callers: attempts.map { number(of: $0.request) }))
                place = endOfRun
            }
            guard connection.sends else {
                connection.pipeline.sendFailed()
                return try sendFailed(batch.attempts[start...], of: batch)
            }
            connection.pipeline.sync(statements: end - start)
            connection.server?.inbox += messages + [.sync]
            start = end
        }
    }

    private func sendFailed(
        _ attempts: ArraySlice<Attempt>, of batch: PipelineBatch
    ) throws(InvariantViolation) {
        for failed in machine.sendFailed(Array(attempts), of: batch, now: now) { try fail(failed) }
        try dispatch()
    }

    /// Affinity holds, and requests of one key keep their order when they are sent for the first time.
    private func checkOrder(of attempt: Attempt, on connection: Int) throws(InvariantViolation) {
        let request = attempt.request
        var shard = connections.count
        if purpose == .reads, request.isPointRead { shard = 0 }
        if purpose == .writes, let key = request.affinityKey {
            shard = Int(UInt64(bitPattern: key) % UInt64(connections.count))
        }
        if shard < connections.count {
            try check(
                shard == connection || !machine.slots[shard].isUp,
                "a request for connection \(shard) is sent over \(connection)")
        }
        guard attempt.failures == 0, !attempt.alone, !wasSent.contains(attempt.sequenceNumber) else { return }
        wasSent.insert(attempt.sequenceNumber)
        let queue = [UInt64(shard), request.fairnessKey]
        try check(
            attempt.sequenceNumber > lastSent[queue] ?? 0, "a request overtakes an earlier one of its key")
        lastSent[queue] = attempt.sequenceNumber
    }

    private var wasSent: Set<UInt64> = []

    // MARK: - Connections

    func connect(_ index: Int) throws(InvariantViolation) {
        let connection = connections[index]
        guard connection.server == nil, !connection.hasEnded else { return }
        connection.server = SimulatedServer(storage: storage)
        connection.sends = true
        connection.pipeline.connected(at: time)
        _ = machine.connectionUp(index, generation: connection.pipeline.generation, at: time)
        try dispatch()
    }

    /// Receives so many of the server's messages, and acts on them as a connection's thread does.
    func receive(_ index: Int, limit: Int) throws(InvariantViolation) {
        let connection = connections[index]
        guard let server = connection.server else { return }
        var results = CompletedResults<Int>()
        var received = 0
        while results.lost == nil, received < min(limit, server.outbox.count) {
            if !connection.pipeline.isBusy {
                guard case .shutdown = server.outbox[received] else { break }
            }
            connection.pipeline.receive(server.outbox[received], into: &results)
            received += 1
        }
        connection.server?.outbox.removeFirst(received)
        connection.pipeline.compact()
        if results.lost == nil,
            connection.pipeline.isBroken || (!server.isAlive && received == server.outbox.count)
        {
            connection.pipeline.receive(.connectionError("the connection is lost"), into: &results)
        }
        if results.lost == nil, machine.shouldEnd(index) { results.lost = "closed" }
        try check(
            results.lost == nil || server.isAlive == false || connection.pipeline.isBroken
                || machine.lifecycle != .open, "a sound connection is given up: \(results.lost ?? "")")
        if results.lost != nil {
            connection.pipeline.connectionLost(&results)
            connection.server = nil
            switch machine.connectionDown(index) {
            case .dispatch: try dispatch()
            case .startOutageTimer(let outage): outageTimers.append(outage)
            }
        }
        let action = machine.completed(results, on: index, now: now)
        try send(action.batch)
        retryTimers += results.later
        if action.dispatches { try dispatch() }
        for failed in action.failed { try fail(failed) }
        for (request, outcome) in results.completed { try deliver(request, outcome) }
        if results.lost != nil { try endIfOver(index) }
    }

    /// Ends a connection's thread, if it has nothing to do any more.
    func endIfOver(_ index: Int) throws(InvariantViolation) {
        let connection = connections[index]
        guard connection.server == nil, !connection.hasEnded, machine.shouldEnd(index) else { return }
        connection.hasEnded = true
        for failed in machine.connectionEnded(index) ?? [] { try fail(failed) }
    }

    // MARK: - Timers

    func fireRetryTimer(_ place: Int) throws(InvariantViolation) {
        if let failed = machine.retryTimerFired(retryTimers.remove(at: place), now: now) { try fail(failed) }
        try dispatch()
    }

    func fireOutageTimer() throws(InvariantViolation) {
        for failed in machine.outageTimerFired(outage: outageTimers.removeFirst()) ?? [] { try fail(failed) }
    }
}
