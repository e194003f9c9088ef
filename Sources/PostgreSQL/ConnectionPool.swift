// The queue in front of the connections of one kind (reads, or writes): PoolStateMachine with a lock, timers and callers
// around it. Each method reports an event to the machine and executes what it returns, after the lock is released.

internal import Dispatch
internal import Logging
internal import Synchronization

final class ConnectionPool: Sendable {
    struct State: ~Copyable {
        var machine: PoolStateMachine
        /// Empty before the start and after the end: the connections hold this pool.
        var connections: [PooledConnection] = []
        /// Waits for the first connections.
        var starter: UnsafeContinuation<DatabaseError?, Never>?
        /// Wait for the end.
        var closers: [UnsafeContinuation<Void, Never>] = []

        /// A batch with the connection that sends it.
        func dispatch(_ batch: PipelineBatch?) -> Dispatch? {
            guard let batch, connections.indices.contains(batch.connection) else { return nil }
            return Dispatch(batch: batch, connection: connections[batch.connection])
        }
    }

    /// A batch to be sent outside the lock.
    struct Dispatch: Sendable {
        let batch: PipelineBatch
        let connection: PooledConnection

        func send() { connection.send(batch) }
    }

    let name: String
    let purpose: ConnectionPurpose
    let configuration: DatabaseConfiguration
    let probe: ServerProbe
    let logger: Logger
    let connectionCount: Int
    let state: Mutex<State>
    private let availability: Availability

    init(
        purpose: ConnectionPurpose, configuration: DatabaseConfiguration, probe: ServerProbe,
        availability: Availability, logger: Logger
    ) {
        let isForReads = purpose == .reads
        self.purpose = purpose
        name = isForReads ? "reads" : "writes"
        self.configuration = configuration
        self.probe = probe
        self.logger = logger
        self.availability = availability
        connectionCount = max(1, isForReads ? configuration.readConnections : configuration.writeConnections)
        state = Mutex(
            State(
                machine: PoolStateMachine(
                    purpose: purpose, connections: connectionCount, limits: configuration)))
    }

    /// Whether statements are accepted: a connection is up, or was a moment ago.
    var isAvailable: Bool { state.withLock { $0.machine.isAvailable } }

    /// The present state, and what has been counted.
    var statistics: DatabaseStatistics.Pool {
        var (figures, connections) = state.withLock { ($0.machine.snapshot, $0.connections) }
        // Outside the lock: a connection's own lock is taken first elsewhere.
        if let oldest = connections.compactMap(\.busySince).min() { figures.oldestBatchAge = .now - oldest }
        return figures
    }

    static func now() -> ContinuousClock.Instant { .now }

    // MARK: - Callers

    /// Sends the statement, or queues it, and waits for its outcome.
    func run(
        _ statement: Statement, _ parameters: [SQLValue], affinityKey: Int64? = nil, fairnessKey: UInt64?,
        cost: Int = 1
    ) async throws(DatabaseError) -> Rows {
        try SQLValue.check(parameters)
        let request = StatementRequest(
            statement, parameters, isPointRead: statement.isPointRead, affinityKey: affinityKey,
            fairnessKey: fairnessKey, cost: cost)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                request.waiter = .task(continuation)
                submit(request, in: nil)
            }
        } onCancel: {
            cancel(request)
        }
        return try outcome.get()
    }

    /// Sends the statement, or queues it, unless its parameters have no binary form.
    func submit(_ request: StatementRequest, checkingParametersIn batch: StatementBatch?) {
        do throws(DatabaseError) {
            try SQLValue.check(request.parameters)
            submit(request, in: batch)
        } catch {
            request.fail(error)
        }
    }

    private func submit(_ request: StatementRequest, in batch: StatementBatch?) {
        // Before the statement can be waited for: a connection may take it at once.
        batch?.add(self)
        let isBatched = batch != nil
        let (dispatch, failed) = state.withLock { state -> (Dispatch?, FailedRequest?) in
            let action = state.machine.submit(request, isBatched: isBatched, now: Self.now)
            return (state.dispatch(action.batch), action.failed)
        }
        dispatch?.send()
        failed?.deliver()
    }

    /// The caller of a request gave up.
    func cancel(_ request: StatementRequest) {
        let (action, connections) = state.withLock { ($0.machine.cancel(request), $0.connections) }
        func cancelOnServer(_ connection: Int) {
            if connections.indices.contains(connection) { connections[connection].requestCancellation() }
        }
        switch action {
        case .none: break
        case .fail(let error): request.fail(error)
        case .cancelOnServer(let connection): cancelOnServer(connection)
        case .failAndCancelOnServer(let error, let connection):
            request.fail(error)
            cancelOnServer(connection)
        }
    }

    /// Whether the last of all that wait will have waited longer than `longestWait`.
    func isCongested(isPointRead: Bool) -> Bool {
        state.withLock { $0.machine.isCongested(isPointRead: isPointRead, now: Self.now) }
    }

    /// Admission control: whether another statement with this key would wait no longer than `longestWait`.
    func admits(isPointRead: Bool, fairnessKey: UInt64?) -> Bool {
        state.withLock {
            $0.machine.admits(isPointRead: isPointRead, fairnessKey: fairnessKey, now: Self.now)
        }
    }

    /// Sends as long as something waits and a connection is idle.
    func dispatchQueued() {
        while let dispatch = state.withLock({ $0.dispatch($0.machine.nextBatch(now: Self.now)) }) {
            dispatch.send()
        }
    }

    /// Tells observers whether the pool is available; not under its lock.
    func publishAvailability() {
        availability.update(purpose) { isAvailable }
    }
}
