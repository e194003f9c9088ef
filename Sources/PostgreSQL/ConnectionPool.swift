// The queue in front of the connections of one kind (reads, or writes). A statement goes out at once while a connection is
// idle; otherwise it waits, and the connection that is answered first takes all that has gathered as its next batch. So
// batches grow with the load and nothing waits for a timer. A second batch is not sent ahead: both would be smaller, and on
// a busy machine the processor is what there is too little of, not work for it.

internal import Dispatch
internal import Logging
internal import Synchronization

final class ConnectionPool: Sendable {
    struct Slot {
        let connection: PooledConnection
        var isUp = false
        var hasEnded = false
        var generation = 0
        var batchesInFlight = 0
    }

    /// Whether anybody results.
    enum Health: Equatable {
        case up
        /// All connections are lost since a moment ago; statements wait.
        case waiting(outage: Int)
        /// Lost for longer than that, or never made: statements are refused at once.
        case down
    }

    struct State {
        var slots: [Slot] = []
        /// Who waits for which connection, and last who may take any.
        var lines: [RequestQueue] = []
        /// How the lines go down; as many.
        var delayEstimators: [QueueDelayEstimator] = []
        /// How many have joined a line, which is the number of the last.
        var lastSequenceNumber: UInt64 = 0
        /// Statements that pause after a deadlock.
        var pausing = 0
        var health = Health.down
        var outages = 0
        var isClosing = false
        var isForced = false
        /// Waits for the first connections.
        var starter: UnsafeContinuation<DatabaseError?, Never>?
        var startDeadline = ContinuousClock.now
        var closers: [UnsafeContinuation<Void, Never>] = []
        /// What is counted; how things stand is filled in when somebody asks.
        var statistics = DatabaseStatistics.Pool()
    }

    let name: String
    let purpose: ConnectionPurpose
    let configuration: DatabaseConfiguration
    let probe: ServerProbe
    let logger: Logger
    let state = Mutex(State())
    private let availability: Availability

    init(
        purpose: ConnectionPurpose, configuration: DatabaseConfiguration, probe: ServerProbe,
        availability: Availability, logger: Logger
    ) {
        self.purpose = purpose
        name = purpose == .reads ? "reads" : "writes"
        self.configuration = configuration
        self.probe = probe
        self.logger = logger
        self.availability = availability
    }

    /// Whether statements are accepted: a connection is up, or was a moment ago.
    var isAvailable: Bool { state.withLock { $0.health != .down && !$0.isClosing } }

    /// How things stand, and what has been counted.
    var statistics: DatabaseStatistics.Pool {
        state.withLock { state in
            var statistics = state.statistics
            statistics.waiting = state.waiting
            statistics.connections = state.slots.count(where: \.isUp)
            return statistics
        }
    }

    // MARK: - Callers

    /// Sends the statement, or queues it, and waits for its answer.
    func run(
        _ statement: Statement, _ parameters: [SQLValue], affinityKey: Int64? = nil
    ) async throws(DatabaseError) -> Rows {
        try SQLValue.check(parameters)
        let request = StatementRequest(
            statement, parameters, isPointRead: statement.isPointRead, affinityKey: affinityKey)
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                request.waiter = .task(continuation)
                submit(request, in: nil)
            }
        } onCancel: {
            cancel(request)
        }
        return try answer.get()
    }

    /// Sends the statement, or queues it, and calls its completion once it has a result.
    func submit(_ request: StatementRequest, checkingParametersIn batch: StatementBatch?) {
        do throws(DatabaseError) {
            try SQLValue.check(request.parameters)
            submit(request, in: batch)
        } catch {
            request.fail(error)
        }
    }

    private enum Submission {
        case queued
        case batch(PipelineBatch)
        case refused(DatabaseError)
    }

    private func submit(_ request: StatementRequest, in batch: StatementBatch?) {
        let statements = batch ?? StatementBatch.current
        let submission = state.withLock { state -> Submission in
            if state.isClosing { return .refused(Self.closed) }
            if state.health == .down { return .refused(Self.unavailable) }
            guard state.waiting < configuration.queueLimit else {
                state.statistics.refused &+= 1
                return .refused(Self.queueFull)
            }
            guard request.move(from: .new, to: .queued) else { return .refused(Self.cancelled) }
            let line = state.enqueue(request, purpose)
            if let statements {
                statements.add(self)
            } else if let batch = takeBatch(&state) {
                return .batch(batch)
            }
            let now = ContinuousClock.now
            state.lines[line].noteLastWaits(since: now)
            state.noteWait(in: line, purpose, since: now)
            return .queued
        }
        switch submission {
        case .queued: break
        case .batch(let batch): batch.connection.send(batch)
        case .refused(let error): request.fail(error)
        }
    }

    func cancel(_ request: StatementRequest) {
        while true {
            let phase = request.phase.load(ordering: .acquiring)
            switch phase {
            case .new where request.move(from: .new, to: .cancelled): return
            case .queued where request.move(from: .queued, to: .taken):
                // Taken out so that what nobody waits for does not fill the queue.
                state.withLock { $0.remove(request, purpose) }
                return request.fail(Self.cancelled)
            case .taken where purpose == .reads:
                request.fail(Self.cancelled)
                return requestCancellation(request)
            case .taken where request.move(from: .taken, to: .unwanted): return requestCancellation(request)
            case .cancelled, .unwanted, .over: return
            // Somebody was faster.
            case .new, .queued, .taken: continue
            }
        }
    }

    /// Has the connection ask the server to stop, if it still is at it after a moment.
    private func requestCancellation(_ request: StatementRequest) {
        let index = request.connectionIndex.load(ordering: .acquiring)
        let connection = state.withLock {
            $0.slots.indices.contains(index) ? $0.slots[index].connection : nil
        }
        connection?.requestCancellation()
    }

    // MARK: - The queue

    /// Takes the next batch for a connection with room, if there is one.
    private func takeBatch(_ state: inout State) -> PipelineBatch? {
        for index in state.slots.indices {
            if let batch = takeBatch(&state, index) { return batch }
        }
        return nil
    }

    func takeBatch(_ state: inout State, _ index: Int) -> PipelineBatch? {
        let slot = state.slots[index]
        guard slot.isUp, slot.batchesInFlight == 0 else { return nil }
        var batch = PipelineBatch(
            connection: slot.connection, generation: slot.generation, attempts: [], separately: false)
        var now: ContinuousClock.Instant?
        while batch.attempts.count < configuration.batchLimit,
            let line = state.nextLine(for: index, purpose), let attempt = state.lines[line].first
        {
            if !batch.attempts.isEmpty, attempt.alone != batch.separately { break }
            state.lines[line].removeFirst()
            guard attempt.request.move(from: .queued, to: .taken) else { continue }
            attempt.request.connectionIndex.store(index, ordering: .releasing)
            batch.separately = attempt.alone
            batch.attempts.append(attempt)
            state.noteTaken(from: line, purpose)
            guard let queued = attempt.queued else { continue }
            now = now ?? .now
            state.statistics.queueTime += (now ?? queued) - queued
        }
        guard !batch.attempts.isEmpty else { return nil }
        batch.coalesce()
        let batches = batch.separately ? batch.attempts.count : 1
        state.slots[index].batchesInFlight += batches
        state.statistics.batches &+= batches
        state.statistics.statements &+= batch.attempts.count
        state.statistics.inFlight += batch.attempts.count
        return batch
    }

    /// Puts statements that have to be sent again in front, and returns those nobody waits for.
    func requeue(_ attempts: [Attempt], _ state: inout State) -> [StatementRequest] {
        let now = ContinuousClock.now
        var dropped: [StatementRequest] = []
        for var attempt in attempts.reversed() {
            guard attempt.request.move(from: .taken, to: .queued) else {
                dropped.append(attempt.request)
                continue
            }
            attempt.queued = now
            state.statistics.retries &+= 1
            state.noteWait(in: state.putBack(attempt, purpose), purpose, since: now)
        }
        return dropped
    }

    /// Takes everything that waits out of the queue; the caller resumes it.
    static func drain(_ state: inout State) -> [StatementRequest] {
        state.lines.indices.flatMap { state.lines[$0].removeAll() }
            .filter { $0.move(from: .queued, to: .taken) }
    }

    /// Sends as long as something waits and a connection has room.
    func dispatchQueued() {
        while let batch = state.withLock({ takeBatch(&$0) }) { batch.connection.send(batch) }
    }

    /// Tells whoever watches what holds; not under the pool's lock.
    func publishAvailability() {
        availability.update(purpose) { isAvailable }
    }

    static let unavailable = DatabaseError(.unavailable, "the database cannot be reached")
    static let queueFull = DatabaseError(.queueFull, "too many statements are waiting")
    static let closed = DatabaseError(.unavailable, "the database connections are closed")
    static let cancelled = DatabaseError(
        .cancelled, "the caller gave up before the statement was sent")
}
