// The decisions of one pipelined connection: what was sent, in order, whose result comes next, and what becomes of it. It
// knows no socket, no thread and no libpq; PipelinedConnection does its I/O and reports what came.
//
// All statements between two Syncs are one implicit transaction for the server. An error aborts the rest up to the Sync,
// so after a failed batch every request without a result is sent again alone, the failed one too: its error may have come
// from another request of the batch. Every result is checked against what was sent; at the first that does not fit, the
// connection is closed, because a result for the wrong caller is the worst that could happen.

struct PipelineStateMachine<Response: QueryResponse>: ~Copyable {
    typealias Results = CompletedResults<Response.Share>

    /// What the server sent next.
    enum Input {
        /// A statement succeeded, or its Prepare.
        case completed(Response)
        /// A statement failed, or the commit at the Sync.
        case failed(DatabaseError)
        /// The statement was not run, because one before it in the batch failed.
        case aborted
        /// The marker that ends the results of one statement.
        case endOfStatement
        /// The batch is committed, or rolled back after an error.
        case sync(transactionIsOpen: Bool, sawWarning: Bool)
        /// The server ends the connection, and has not run what it did not report.
        case shutdown(String)
        /// The connection broke.
        case connectionError(String)
        case unexpected
    }

    let purpose: ConnectionPurpose
    let attemptLimit: Int
    /// The number of the session: how often a connection was made.
    private(set) var generation = 0
    private(set) var isConnected = false
    /// True once something could only be sent in part: nothing more can go over this connection.
    private(set) var isBroken = false
    /// By statement number; several only if a statement is used with parameters of different types.
    private var prepared: [Int: [PreparedStatement]] = [:]
    private var preparedNames = 0

    var expected: [PendingResult] = []
    var next = 0
    /// The end of what was sent with its Sync.
    private var committedEnd = 0
    /// The results of the current batch; their callers wait for the Sync.
    var held: [(attempt: Attempt, rows: Response.Share)] = []
    /// The requests of the current batch that failed or were aborted, in their order.
    var refused: [Attempt] = []
    /// The first error of the current batch.
    var batchError: DatabaseError?
    /// Whether the end marker of a statement's result is due.
    private var awaitsEnd = false
    /// Whether the server announced the end: nothing after the batch it worked at was carried out.
    var sawShutdown = false
    /// Whether a request to cancel is on its way, which may hit all that is sent meanwhile.
    var isCancelling = false
    /// When the server last sent something.
    var lastSign = ContinuousClock.now
    private var busyFrom = ContinuousClock.now

    init(purpose: ConnectionPurpose, attemptLimit: Int) {
        self.purpose = purpose
        self.attemptLimit = attemptLimit
    }

    /// Whether something that was sent has no result.
    var isBusy: Bool { next < expected.count }
    /// Since when the server has owed results, if it does.
    var busySince: ContinuousClock.Instant? { isBusy ? busyFrom : nil }

    // MARK: - The session

    mutating func connected(at time: ContinuousClock.Instant) {
        generation += 1
        isConnected = true
        lastSign = time
    }

    /// Forgets the session; what it owed has to be settled before, with `connectionLost`.
    mutating func disconnected() {
        isConnected = false
        prepared.removeAll()
        expected.removeAll(keepingCapacity: true)
        next = 0
        committedEnd = 0
        held.removeAll()
        refused.removeAll()
        batchError = nil
        awaitsEnd = false
        isBroken = false
        isCancelling = false
        sawShutdown = false
    }

    // MARK: - Sending

    /// What to send for one execution.
    struct Execution {
        let statement: PreparedStatement
        let needsPrepare: Bool
    }

    /// Whether a batch may be sent: it is meant for this session, and that is not broken.
    mutating func canSend(generation: Int, at time: @autoclosure () -> ContinuousClock.Instant) -> Bool {
        guard generation == self.generation, isConnected, !isBroken else { return false }
        if !isBusy { busyFrom = time() }
        return true
    }

    /// Registers an execution for one caller, or for several, with parameters of these types.
    mutating func execute(
        _ attempts: ArraySlice<Attempt>, statement number: Int, types: [UInt32], alone: Bool
    ) -> Execution {
        // An unconfirmed Prepare is part of an earlier batch and may be aborted with it: a request that runs alone
        // brings its own.
        let known = prepared[number]?.first {
            $0.isUsable && $0.types == types && (!alone || $0.isConfirmed)
        }
        if let known {
            expected.append(.execute(attempts, known))
            return Execution(statement: known, needsPrepare: false)
        }
        preparedNames += 1
        let statement = PreparedStatement(name: "s\(preparedNames)", types: types)
        expected.append(.prepare(statement))
        expected.append(.execute(attempts, statement))
        prepared[number, default: []].removeAll { !$0.isUsable }
        prepared[number, default: []].append(statement)
        return Execution(statement: statement, needsPrepare: true)
    }

    /// Registers the Sync that ends a batch of so many requests.
    mutating func sync(statements: Int) {
        expected.append(.sync(statements: statements, isExposed: isCancelling))
        committedEnd = expected.count
    }

    /// Something could not be sent. What has no Sync cannot take effect, and is not owed.
    mutating func sendFailed() {
        expected.removeSubrange(max(committedEnd, next)...)
        isBroken = true
    }

    // MARK: - Receiving

    /// Settles what the server sent. Once `results.lost` is set, `connectionLost` has to follow.
    mutating func receive(_ input: Input, into results: inout Results) {
        if case .endOfStatement = input {
            if !awaitsEnd { results.lost = "a result is missing" }
            awaitsEnd = false
            return
        }
        switch input {
        case .shutdown(let reason):
            sawShutdown = true
            return results.lost = reason
        case .connectionError(let reason): return results.lost = reason
        default: break
        }
        guard !awaitsEnd else { return results.lost = "a result without end" }
        guard isBusy else { return results.lost = "a result that nothing was sent for" }
        switch (expected[next], input) {
        case (.prepare(let statement), .completed):
            statement.isConfirmed = true
            finishStatement()
        case (.prepare(let statement), .failed(let error)):
            statement.isUsable = false
            noteError(error)
            finishStatement()
        case (.prepare(let statement), .aborted):
            statement.isUsable = false
            finishStatement()
        case (.execute(let attempts, let statement), .completed(let response)):
            guard hasShape(of: statement, response), let shares = response.shares(count: attempts.count)
            else { return results.lost = "a result does not fit its statement" }
            for (attempt, rows) in zip(attempts, shares) {
                // The result of a read is right whatever becomes of its batch; that of a write only with the Sync.
                if purpose == .reads {
                    results.completed.append((attempt.request, .success(rows)))
                } else {
                    held.append((attempt, rows))
                }
            }
            finishStatement()
        case (.execute(let attempts, let statement), .failed(let error)):
            noteError(error)
            // The server forgot the statement, or its table changed shape: it has to be prepared again.
            if error.state == .invalidSQLStatementName || error.state == .featureNotSupported {
                statement.isUsable = false
            }
            refused += attempts
            finishStatement()
        case (.execute(let attempts, _), .aborted):
            refused += attempts
            finishStatement()
        case (.sync, .failed(let error)):
            // The commit itself failed: a deferred constraint. The Sync's own result still follows.
            noteError(error)
            awaitsEnd = true
        case (.sync(let statements, let isExposed), .sync(let transactionIsOpen, let sawWarning)):
            next += 1
            results.batches += 1
            finishBatch(statements: statements, isExposed: isExposed, sawWarning: sawWarning, &results)
            // A statement that opened a transaction of its own would draw others into it.
            if transactionIsOpen, results.lost == nil { results.lost = "a transaction was left open" }
        default: results.lost = "a result does not fit what was sent"
        }
    }

    /// Drops what has been settled.
    mutating func compact() {
        guard next == expected.count || next > 1_024 else { return }
        expected.removeSubrange(..<next)
        committedEnd -= next
        next = 0
    }

    private mutating func finishStatement() {
        next += 1
        awaitsEnd = true
    }

    private mutating func noteError(_ error: DatabaseError) {
        if batchError == nil { batchError = error }
    }

    private mutating func finishBatch(
        statements: Int, isExposed: Bool, sawWarning: Bool, _ results: inout Results
    ) {
        defer {
            held.removeAll(keepingCapacity: true)
            refused.removeAll(keepingCapacity: true)
            batchError = nil
        }
        guard let batchError else {
            // Cancelled while the commit waited for a standby: it is kept here and perhaps nowhere else.
            let isUnknown = sawWarning && isExposed && purpose == .writes
            for (attempt, rows) in held {
                results.completed.append(
                    (attempt.request, isUnknown ? .failure(.unconfirmedCommit) : .success(rows)))
            }
            return
        }
        let unsettled = held.map(\.attempt) + refused
        guard statements == 1, let attempt = unsettled.first else {
            for var attempt in unsettled {
                attempt.alone = true
                results.again.append(attempt)
            }
            return
        }
        retry(attempt, after: batchError, isExposed: isExposed, &results)
    }

    /// Decides about a request that failed alone.
    private func retry(
        _ failed: Attempt, after error: DatabaseError, isExposed: Bool, _ results: inout Results
    ) {
        var attempt = failed
        attempt.alone = true
        // Hit by a cancellation that was meant for another request, or for this one: then the pool drops it.
        if isExposed, error.state == .queryCancelled { return results.again.append(attempt) }
        attempt.failures += 1
        guard attempt.failures < attemptLimit else {
            return results.completed.append((attempt.request, .failure(error)))
        }
        switch error.state {
        case .serializationFailure, .deadlockDetected: results.later.append(attempt)
        case .invalidSQLStatementName, .featureNotSupported: results.again.append(attempt)
        default: results.completed.append((attempt.request, .failure(error)))
        }
    }

    /// The columns of a prepared statement never change on a connection: a result with others is not its result.
    private func hasShape(of statement: PreparedStatement, _ response: Response) -> Bool {
        guard let columns = statement.columns else {
            statement.columns = response.columnTypes
            return true
        }
        return columns == response.columnTypes
    }
}
