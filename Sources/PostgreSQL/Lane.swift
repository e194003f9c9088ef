// The queue in front of the connections of one kind (reads, or writes). A statement goes out at once while a
// connection has room for another group; otherwise it waits, and the connection that is answered first takes
// all that has gathered as its next group. So groups grow with the load and nothing waits for a timer.

internal import Dispatch
internal import Logging
internal import Synchronization

final class Lane: Sendable {
    private struct Slot {
        let link: Link
        var isUp = false
        var hasEnded = false
        var generation = 0
        var groupsInFlight = 0
    }

    /// Whether anybody answers.
    private enum Health: Equatable {
        case up
        /// All connections are lost since a moment ago; statements wait.
        case waiting(outage: Int)
        /// Lost for longer than that, or never made: statements are refused at once.
        case down
    }

    private struct State {
        var slots: [Slot] = []
        var queue: [Attempt] = []
        var head = 0
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

        var waiting: Int { queue.count - head }
    }

    private let name: String
    private let configuration: DatabaseConfiguration
    private let groupsInFlight: Int
    private let logger: Logger
    private let state = Mutex(State())

    init(name: String, groupsInFlight: Int, configuration: DatabaseConfiguration, logger: Logger) {
        self.name = name
        self.groupsInFlight = max(1, groupsInFlight)
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: - Callers

    /// Sends the statement, or queues it, and waits for its answer.
    func run(_ statement: Statement, _ parameters: [SQLValue]) async throws(DatabaseError) -> Rows {
        try SQLValue.check(parameters)
        let call = Call(statement, parameters)
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                call.continuation = continuation
                submit(call)
            }
        } onCancel: {
            cancel(call)
        }
        return try answer.get()
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
                return .refused(DatabaseError(.queueFull, "too many statements are waiting"))
            }
            guard call.move(from: .new, to: .queued) else { return .refused(Self.cancelled) }
            state.queue.append(Attempt(call: call))
            if let batch = takeBatch(&state) { return .batch(batch) }
            return .queued
        }
        switch submission {
        case .queued: break
        case .batch(let batch): batch.link.send(batch)
        case .refused(let error): call.fail(error)
        }
    }

    private func cancel(_ call: Call) {
        if call.move(from: .new, to: .cancelled) { return }
        guard call.move(from: .queued, to: .cancelled) else { return }
        // Taken out so that what nobody waits for does not fill the queue.
        state.withLock { state in
            if let index = state.queue[state.head...].firstIndex(where: { $0.call === call }) {
                state.queue.remove(at: index)
            }
        }
        call.fail(Self.cancelled)
    }

    // MARK: - The queue

    /// Takes the next batch for a connection with room, if there is one.
    private func takeBatch(_ state: inout State) -> Batch? {
        guard state.waiting > 0 else { return nil }
        var best: Int?
        var fewest = groupsInFlight
        for index in state.slots.indices
        where state.slots[index].isUp && state.slots[index].groupsInFlight < fewest {
            best = index
            fewest = state.slots[index].groupsInFlight
        }
        return best.flatMap { takeBatch(&state, $0) }
    }

    private func takeBatch(_ state: inout State, _ index: Int) -> Batch? {
        let slot = state.slots[index]
        guard slot.isUp, slot.groupsInFlight < groupsInFlight, state.waiting > 0 else { return nil }
        var batch = Batch(link: slot.link, generation: slot.generation, attempts: [], separately: false)
        while state.head < state.queue.count, batch.attempts.count < configuration.groupLimit {
            let attempt = state.queue[state.head]
            if !batch.attempts.isEmpty, attempt.alone != batch.separately { break }
            state.head += 1
            guard attempt.call.move(from: .queued, to: .taken) else { continue }
            batch.separately = attempt.alone
            batch.attempts.append(attempt)
        }
        if state.head == state.queue.count || state.head > 1_024 {
            state.queue.removeSubrange(..<state.head)
            state.head = 0
        }
        guard !batch.attempts.isEmpty else { return nil }
        state.slots[index].groupsInFlight += batch.separately ? batch.attempts.count : 1
        return batch
    }

    /// Puts statements that have to be sent again in front.
    private static func requeue(_ attempts: [Attempt], _ state: inout State) {
        for attempt in attempts { attempt.call.phase.store(.queued, ordering: .releasing) }
        state.queue.insert(contentsOf: attempts, at: state.head)
    }

    /// Sends as long as something waits and a connection has room.
    private func pump() {
        while let batch = state.withLock({ takeBatch(&$0) }) { batch.link.send(batch) }
    }

    // MARK: - Connections

    /// Takes back what a broken connection could not send.
    func giveBack(_ attempts: [Attempt], of batch: Batch, link index: Int) {
        state.withLock { state in
            if state.slots[index].generation == batch.generation { state.slots[index].isUp = false }
            Self.requeue(attempts, &state)
        }
        // Its thread reports the loss itself; until then another connection may do it.
        pump()
    }

    /// Queues again what has to be, gives the connection its next group, and leaves the completed calls to
    /// its thread.
    func settle(_ answers: inout Answers, link index: Int) {
        let batch = state.withLock { state -> Batch? in
            state.slots[index].groupsInFlight -= min(answers.groups, state.slots[index].groupsInFlight)
            state.pausing += answers.later.count
            if state.isForced || (state.health == .down && !answers.again.isEmpty) {
                let error = state.isForced ? Self.closed : Self.unavailable
                answers.completed += answers.again.map { ($0.call, .failure(error)) }
            } else if !answers.again.isEmpty {
                Self.requeue(answers.again, &state)
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
                Self.requeue([attempt], &state)
                return nil
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
            state.slots[index].groupsInFlight = 0
            state.health = .up
            guard state.slots.allSatisfy(\.isUp) else {
                return (nil as UnsafeContinuation<DatabaseError?, Never>?, wasLost)
            }
            defer { state.starter = nil }
            return (state.starter, wasLost)
        }
        if wasLost { logger.info("connected to PostgreSQL again", metadata: ["lane": "\(name)"]) }
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
        guard let outage else { return }
        // A timer of its own: the connections' threads may be waiting for a name server.
        let tolerance = DispatchTimeInterval.milliseconds(
            Int(clamping: configuration.outageTolerance.milliseconds))
        DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: .now() + tolerance) { [self] in
            let calls = state.withLock { state -> [Call] in
                guard state.health == .waiting(outage: outage) else { return [] }
                state.health = .down
                return Self.drain(&state)
            }
            for call in calls { call.fail(Self.unavailable) }
            if !calls.isEmpty { wakeIfClosing() }
        }
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

    /// Takes everything that waits out of the queue; the caller resumes it.
    private static func drain(_ state: inout State) -> [Call] {
        let calls = state.queue[state.head...].map(\.call).filter { $0.move(from: .queued, to: .taken) }
        state.queue.removeAll()
        state.head = 0
        return calls
    }

    // MARK: - Start and end

    /// Makes the connections; throws if the first attempt of one fails.
    func start(purpose: ConnectionPurpose, connections: Int) async throws(DatabaseError) {
        var links: [Link] = []
        for index in 0..<max(1, connections) {
            links.append(
                try Link(
                    lane: self, index: index, purpose: purpose, configuration: configuration, logger: logger))
        }
        let all = links
        state.withLock { state in
            state.slots = all.map { Slot(link: $0, hasEnded: true) }
            state.startDeadline = .now + configuration.connectTimeout * 2
        }
        let error = await withUnsafeContinuation { continuation in
            state.withLock { $0.starter = continuation }
            for (index, link) in all.enumerated() {
                state.withLock { $0.slots[index].hasEnded = false }
                do throws(DatabaseError) {
                    try link.start()
                } catch {
                    linkEnded(index)
                    linkFailed(index, error, isStarting: false)
                }
            }
        }
        if let error {
            await close(within: .zero)
            throw error
        }
    }

    /// True until the first connections are made or have failed.
    var isStarting: Bool { state.withLock { $0.starter != nil } }
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// True once the link's thread has nothing more to do.
    func shouldEnd(link index: Int) -> Bool {
        state.withLock { state in
            guard state.isClosing else { return false }
            if state.isForced || !state.slots[index].isUp { return true }
            return state.waiting == 0 && state.pausing == 0 && state.slots[index].groupsInFlight == 0
        }
    }

    /// Refuses new statements, lets those accepted finish within the time, and closes the connections.
    func close(within limit: Duration) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                state.isClosing = true
                if state.slots.allSatisfy(\.hasEnded) { return true }
                state.closers.append(continuation)
                return false
            }
            if isOver {
                continuation.resume()
            } else if limit == .zero {
                abandon()
            } else {
                wakeIfClosing()
                let limit = DispatchTimeInterval.milliseconds(Int(clamping: limit.milliseconds))
                DispatchQueue.global().asyncAfter(deadline: .now() + limit) { [self] in abandon() }
            }
        }
    }

    /// Ends without waiting for anything.
    func abandon() {
        state.withLock { state in
            state.isClosing = true
            state.isForced = true
        }
        wakeIfClosing()
    }

    private func wakeIfClosing() {
        let links = state.withLock { $0.isClosing ? $0.slots.map(\.link) : [] }
        for link in links { link.wake() }
    }

    func linkEnded(_ index: Int) {
        let (calls, closers) = state.withLock { state in
            state.slots[index].hasEnded = true
            state.slots[index].isUp = false
            guard state.slots.allSatisfy(\.hasEnded) else {
                return ([Call](), [UnsafeContinuation<Void, Never>]())
            }
            // The slots hold the links and the links hold this lane.
            state.slots.removeAll()
            defer { state.closers.removeAll() }
            return (Self.drain(&state), state.closers)
        }
        for call in calls { call.fail(Self.closed) }
        for closer in closers { closer.resume() }
    }

    private static let unavailable = DatabaseError(.unavailable, "the database cannot be reached")
    private static let closed = DatabaseError(.unavailable, "the database connections are closed")
    private static let cancelled = DatabaseError(
        .cancelled, "the caller gave up before the statement was sent")
}
