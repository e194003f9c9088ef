// The public interface: statements in, rows out. Reads and writes use different connections, because a write gets its result
// with the commit of its batch, and a read must not wait for a disk.

public import Logging
internal import Synchronization

/// A PostgreSQL database, behind a few pipelined connections.
///
/// Safe to use from any task and thread.
public final class Database: Sendable {
    private let configuration: DatabaseConfiguration
    private let reads: ConnectionPool
    private let writes: ConnectionPool
    private let listeners = Mutex<[Listener]>([])
    private let observed = Availability()
    private let probe: ServerProbe
    private let primaryWatch = Mutex<PrimaryWatch?>(nil)
    private let oldestTransactionAge = Mutex(Duration.zero)
    private let obstacleToChanges = Mutex<String?>(nil)
    private let logger: Logger

    /// A database without connections; `start` makes them.
    public init(configuration: DatabaseConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let probe = ServerProbe(configuration)
        self.probe = probe
        reads = ConnectionPool(
            purpose: .reads, configuration: configuration, probe: probe, availability: observed,
            logger: logger)
        writes = ConnectionPool(
            purpose: .writes, configuration: configuration, probe: probe, availability: observed,
            logger: logger)
    }

    deinit {
        reads.forceClose()
        writes.forceClose()
        for listener in listeners.withLock(\.self) { listener.abandon() }
        primaryWatch.withLock { $0?.close() }
    }

    /// Makes the connections; call it once. Throws `.unavailable` or `.unusable` with the reason if that fails.
    /// Connections that are lost later are made again without it.
    public func start() async throws(DatabaseError) {
        try await writes.start()
        do {
            try await reads.start()
        } catch {
            await writes.close(within: .zero)
            throw error
        }
        let watch = try PrimaryWatch(configuration) { [probe] in probe.wakeAll() }
        watch?.start()
        primaryWatch.withLock { $0 = watch }
    }

    /// Whether the database can be reached: the current state, then every change. It is false when the connections of
    /// one kind have all been lost for longer than `outageTolerance`, and true again when one of each kind is back.
    public func availability() -> AsyncStream<Bool> { observed.changes() }

    /// Takes what somebody who looked at the server found, for the statistics.
    public func noteOldestTransaction(age: Duration) { oldestTransactionAge.withLock { $0 = age } }

    /// Takes why every change will be refused from now on, for the statistics.
    public func noteObstacleToChanges(_ reason: String) { obstacleToChanges.withLock { $0 = reason } }

    /// The state of its queues and connections, and counters; cheap, for any thread.
    public var statistics: DatabaseStatistics {
        DatabaseStatistics(
            reads: reads.statistics, writes: writes.statistics,
            oldestTransactionAge: oldestTransactionAge.withLock(\.self),
            obstacleToChanges: obstacleToChanges.withLock(\.self),
            acceptsReads: observed.isAvailable(.reads), acceptsWrites: observed.isAvailable(.writes),
            isListening: listeners.withLock { !$0.isEmpty && $0.allSatisfy(\.isUp) })
    }

    /// Listens to a channel of NOTIFY on a connection of its own, until the database is closed. A lost connection is
    /// made again. Throws `.unavailable` if there is no thread or file descriptor.
    ///
    /// - Parameters:
    ///   - channel: its name; written in the program, never taken from a caller.
    ///   - report: called on the connection's thread, one event after the other; it must not block.
    public func listen(
        to channel: String, _ report: @escaping @Sendable (ChannelEvent) -> Void
    ) throws(DatabaseError) {
        let listener = try Listener(
            channel: channel, configuration: configuration, logger: logger, report: report)
        try listener.start()
        listeners.withLock { $0.append(listener) }
    }

    /// Where a statement runs.
    public enum Pool: Sendable {
        /// The connections for statements that change nothing.
        case reads
        /// The connection among them for short reads that share one execution.
        case pointReads
        /// The connections for statements that change something.
        case writes
    }

    /// Whether so much waits in the queue of a pool that somebody will have waited longer than `longestWait`; then ask
    /// `admits` before a call begins.
    public func isCongested(_ pool: Pool) -> Bool {
        (pool == .writes ? writes : reads).isCongested(isPointRead: pool == .pointReads)
    }

    /// Admission control: whether another statement with this key would wait in the queue of a pool for no longer than
    /// `longestWait`, as keys take turns.
    ///
    /// Ask before a call begins, when rejecting it costs nothing: a call that has begun is better finished, so `submit`,
    /// `read` and `write` do not ask. Each no is counted in `refused` of the statistics.
    public func admits(_ pool: Pool, fairnessKey: UInt64? = nil) -> Bool {
        (pool == .writes ? writes : reads).admits(
            isPointRead: pool == .pointReads, fairnessKey: fairnessKey)
    }

    /// Runs a statement that changes nothing; it is sent again if its connection is lost.
    ///
    /// When its task is cancelled it ends at once, and the server is asked to cancel the statement if it still runs.
    /// It shares a round trip with other statements but not their errors. Throws any `DatabaseError`. `fairnessKey` and
    /// `cost` are those of `submit`.
    public func read(
        _ statement: Statement, _ parameters: [SQLValue] = [], fairnessKey: UInt64? = nil, cost: Int = 1
    ) async throws(DatabaseError) -> Rows {
        try await reads.run(statement, parameters, fairnessKey: fairnessKey, cost: cost)
    }

    /// Runs one statement that changes something, and returns once that is committed.
    ///
    /// It shares a commit with other statements but not their errors. It must be complete by itself: no BEGIN, COMMIT
    /// or anything else that ends a transaction. When its task is cancelled it is taken out of the queue, or cancelled
    /// on the server if it takes long (waits for a lock), or ends as if nothing had happened. Throws any
    /// `DatabaseError`; unless that is `.outcomeUnknown`, nothing was changed.
    ///
    /// - Parameter affinityKey: statements with the same key go over the same connection, one batch after the other. Use
    ///   it for statements that lock the same rows: in concurrent batches they could deadlock.
    public func write(
        _ statement: Statement, _ parameters: [SQLValue] = [], affinityKey: Int64? = nil,
        fairnessKey: UInt64? = nil
    ) async throws(DatabaseError) -> Rows {
        try await writes.run(statement, parameters, affinityKey: affinityKey, fairnessKey: fairnessKey)
    }

    /// Submits a statement without a task, which would cost more than a small statement.
    ///
    /// - Parameters:
    ///   - pool: where it runs; on the pools for reads it must not change anything, and is sent again if its connection is
    ///     lost. `.pointReads` takes only statements with a batched form that are not long.
    ///   - affinityKey: as in `write`; ignored for reads.
    ///   - fairnessKey: statements with different keys are taken from the queue in turns; those without share one. When the
    ///     queue is full, the key that has most in it loses its last one. A key has at most half of the connections while
    ///     others want some.
    ///   - cost: how much work it is, in small statements; a batch takes a limited sum.
    ///   - batch: sends it when the batch is flushed, together with the others; nil sends it now.
    ///   - completion: called once, with the rows or any `DatabaseError`, on whichever thread has them, perhaps before this
    ///     returns; it must not block.
    /// - Returns: the handle to cancel it with.
    @discardableResult
    public func submit(
        _ statement: Statement, _ parameters: [SQLValue], to pool: Pool, affinityKey: Int64? = nil,
        fairnessKey: UInt64? = nil, cost: Int = 1, in batch: StatementBatch? = nil,
        completion: @escaping @Sendable (Result<Rows, DatabaseError>, CompletionBatch) -> Void
    ) -> SubmittedStatement {
        let request = StatementRequest(
            statement, parameters, isPointRead: pool == .pointReads, affinityKey: affinityKey,
            fairnessKey: fairnessKey, cost: cost)
        request.waiter = .callback(completion)
        let pool = pool == .writes ? writes : reads
        pool.submit(request, checkingParametersIn: batch)
        return SubmittedStatement(pool: pool, request: request)
    }

    /// Refuses new statements, waits up to five seconds for those accepted, and closes the connections.
    public func close() async {
        primaryWatch.withLock { $0?.close() }
        for listener in listeners.withLock(\.self) { await listener.close() }
        async let first: Void = reads.close(within: .seconds(5))
        await writes.close(within: .seconds(5))
        await first
    }
}

/// A statement that was submitted without a task.
public struct SubmittedStatement: Sendable {
    let pool: ConnectionPool
    let request: StatementRequest

    /// Cancels it, as cancelling a task would: its completion is called at once, unless it was before.
    public func cancel() { pool.cancel(request) }
}
