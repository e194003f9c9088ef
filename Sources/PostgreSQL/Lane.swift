// The queue in front of the connections of one kind (reads, or writes). A statement goes out at once while a connection is
// idle; otherwise it waits, and the connection that is answered first takes all that has gathered as its next group. So
// groups grow with the load and nothing waits for a timer. A second group is not sent ahead: both would be smaller, and on
// a busy machine the processor is what there is too little of, not work for it.

internal import Dispatch
internal import Logging
internal import Synchronization

final class Lane: Sendable {
    struct Slot {
        let link: Link
        var isUp = false
        var hasEnded = false
        var generation = 0
        var groupsInFlight = 0
    }

    /// Whether anybody answers.
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
        var lines: [WaitingLine] = []
        /// How the lines go down; as many.
        var backlogs: [Backlog] = []
        /// How many have joined a line, which is the number of the last.
        var tickets: UInt64 = 0
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
        var statistics = DatabaseStatistics.Lane()
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
    var statistics: DatabaseStatistics.Lane {
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
        _ statement: Statement, _ parameters: [SQLValue], neighbourhood: Int64? = nil
    ) async throws(DatabaseError) -> Rows {
        try SQLValue.check(parameters)
        let call = Call(statement, parameters, neighbourhood: neighbourhood)
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                call.waiter = .task(continuation)
                submit(call)
            }
        } onCancel: {
            cancel(call)
        }
        return try answer.get()
    }

    /// The same without a task: `report` is called once, on whichever thread has the answer, which it may not keep.
    func begin(
        _ statement: Statement, _ parameters: [SQLValue],
        _ report: @escaping @Sendable (Result<Rows, DatabaseError>) -> Void
    ) -> StatementInFlight {
        let call = Call(statement, parameters)
        call.waiter = .callback(report)
        do throws(DatabaseError) {
            try SQLValue.check(parameters)
            submit(call)
        } catch {
            call.fail(error)
        }
        return StatementInFlight(lane: self, call: call)
    }

    private enum Submission {
        case queued
        case batch(Batch)
        case refused(DatabaseError)
    }

    private func submit(_ call: Call) {
        let submission = state.withLock { state -> Submission in
            if state.isClosing { return .refused(Self.closed) }
            if state.health == .down { return .refused(Self.unavailable) }
            guard state.waiting < configuration.queueLimit else {
                state.statistics.refused &+= 1
                return .refused(Self.queueFull)
            }
            guard call.move(from: .new, to: .queued) else { return .refused(Self.cancelled) }
            let line = state.enqueue(call, purpose)
            if let burst = Burst.current {
                burst.add(self)
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
        case .batch(let batch): batch.link.send(batch)
        case .refused(let error): call.fail(error)
        }
    }

    func cancel(_ call: Call) {
        while true {
            let phase = call.phase.load(ordering: .acquiring)
            switch phase {
            case .new where call.move(from: .new, to: .cancelled): return
            case .queued where call.move(from: .queued, to: .taken):
                // Taken out so that what nobody waits for does not fill the queue.
                state.withLock { $0.remove(call, purpose) }
                return call.fail(Self.cancelled)
            case .taken where purpose == .reads:
                call.fail(Self.cancelled)
                return noteGivenUp(call)
            case .taken where call.move(from: .taken, to: .unwanted): return noteGivenUp(call)
            case .cancelled, .unwanted, .over: return
            // Somebody was faster.
            case .new, .queued, .taken: continue
            }
        }
    }

    /// Has the connection ask the server to stop, if it still is at it after a moment.
    private func noteGivenUp(_ call: Call) {
        let index = call.link.load(ordering: .acquiring)
        let link = state.withLock { $0.slots.indices.contains(index) ? $0.slots[index].link : nil }
        link?.noteGivenUp()
    }

    // MARK: - The queue

    /// Takes the next batch for a connection with room, if there is one.
    private func takeBatch(_ state: inout State) -> Batch? {
        for index in state.slots.indices {
            if let batch = takeBatch(&state, index) { return batch }
        }
        return nil
    }

    func takeBatch(_ state: inout State, _ index: Int) -> Batch? {
        let slot = state.slots[index]
        guard slot.isUp, slot.groupsInFlight == 0 else { return nil }
        var batch = Batch(link: slot.link, generation: slot.generation, attempts: [], separately: false)
        var now: ContinuousClock.Instant?
        while batch.attempts.count < configuration.groupLimit,
            let line = state.nextLine(for: index, purpose), let attempt = state.lines[line].first
        {
            if !batch.attempts.isEmpty, attempt.alone != batch.separately { break }
            state.lines[line].removeFirst()
            guard attempt.call.move(from: .queued, to: .taken) else { continue }
            attempt.call.link.store(index, ordering: .releasing)
            batch.separately = attempt.alone
            batch.attempts.append(attempt)
            state.noteTaken(from: line, purpose)
            guard let queued = attempt.queued else { continue }
            now = now ?? .now
            state.statistics.queueTime += (now ?? queued) - queued
        }
        guard !batch.attempts.isEmpty else { return nil }
        batch.formSets()
        let groups = batch.separately ? batch.attempts.count : 1
        state.slots[index].groupsInFlight += groups
        state.statistics.groups &+= groups
        state.statistics.statements &+= batch.attempts.count
        state.statistics.inFlight += batch.attempts.count
        return batch
    }

    /// Puts statements that have to be sent again in front, and returns those nobody waits for.
    func requeue(_ attempts: [Attempt], _ state: inout State) -> [Call] {
        let now = ContinuousClock.now
        var dropped: [Call] = []
        for var attempt in attempts.reversed() {
            guard attempt.call.move(from: .taken, to: .queued) else {
                dropped.append(attempt.call)
                continue
            }
            attempt.queued = now
            state.statistics.retries &+= 1
            state.noteWait(in: state.putBack(attempt, purpose), purpose, since: now)
        }
        return dropped
    }

    /// Takes everything that waits out of the queue; the caller resumes it.
    static func drain(_ state: inout State) -> [Call] {
        state.lines.indices.flatMap { state.lines[$0].removeAll() }
            .filter { $0.move(from: .queued, to: .taken) }
    }

    /// Sends as long as something waits and a connection has room.
    func pump() {
        while let batch = state.withLock({ takeBatch(&$0) }) { batch.link.send(batch) }
    }

    /// Tells whoever watches what holds; not under the lane's lock.
    func noteHealth() {
        availability.update(purpose) { isAvailable }
    }

    static let unavailable = DatabaseError(.unavailable, "the database cannot be reached")
    static let queueFull = DatabaseError(.queueFull, "too many statements are waiting")
    static let closed = DatabaseError(.unavailable, "the database connections are closed")
    static let cancelled = DatabaseError(
        .cancelled, "the caller gave up before the statement was sent")
}
