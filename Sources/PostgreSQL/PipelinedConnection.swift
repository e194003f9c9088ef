// One libpq connection in non-blocking pipeline mode: what was sent, in order, and whose answer comes next.
// It knows nothing of threads and queues; its connection requests it under a lock.
//
// All statements between two Syncs are one implicit transaction for the server. An error aborts the rest up
// to the Sync, so after a failed batch everything that has no answer yet is sent again alone, the culprit
// too: its error may have come from a neighbour that is not there any more. Every answer is checked against
// what was sent; at the first one that does not fit the connection is given up, because an answer to the
// wrong caller is the worst that could happen.

internal import CPostgreSQL
internal import Synchronization

struct PipelinedConnection: ~Copyable {
    let purpose: ConnectionPurpose
    let attemptLimit: Int
    let notices: ConnectionNotices
    var connection: OpaquePointer?
    private(set) var generation = 0
    private var parameters = ParameterBuffer()
    /// By statement number; several only if a statement is used with parameters of different types.
    private var prepared: [Int: [PreparedStatement]] = [:]
    private var preparedNames = 0

    var expected: [PendingResult] = []
    var next = 0
    /// The statements of the current batch that were answered; their callers wait for the Sync.
    var held: [(attempt: Attempt, rows: Rows)] = []
    /// The statements of the current batch that failed or were aborted, in their order.
    var refused: [Attempt] = []
    /// The first error of the current batch, and whose it was.
    var batchError: DatabaseError?
    /// True while libpq still owes the null result that ends a statement's answer.
    private var awaitsEnd = false
    /// True if the server said good-bye: nothing after the batch it was at has been carried out.
    var lostByFatalError = false
    /// True once something could only be sent in part: nothing more can go over this connection.
    private var isBroken = false
    /// True while a request to cancel is on its way, which may hit all that is sent meanwhile.
    var isCancelling = false
    /// When the server last answered.
    var lastSign = ContinuousClock.now
    /// Since when it has owed results, if it does.
    private var busyFrom = ContinuousClock.now
    var busySince: ContinuousClock.Instant? { isBusy ? busyFrom : nil }

    init(purpose: ConnectionPurpose, attemptLimit: Int, notices: ConnectionNotices) {
        self.notices = notices
        self.purpose = purpose
        self.attemptLimit = attemptLimit
    }

    deinit {
        PQfinish(connection)
    }

    /// True while something sent has no answer.
    var isBusy: Bool { next < expected.count }

    // MARK: - Connecting

    enum Progress: Sendable {
        case reading(Int32)
        case writing(Int32)
        case connected(Int32)
        case failed(DatabaseError)
    }

    /// Starts a new connection; may wait for name resolution.
    mutating func startConnecting(_ parameters: ConnectionParameters) -> Progress {
        notices.sawServerShutdown.store(false, ordering: .relaxed)
        connection = parameters.withArrays { keys, values in PQconnectStartParams(keys, values, 1) }
        guard connection != nil, PQstatus(connection) != CONNECTION_BAD else { return failed() }
        PQsetNoticeReceiver(connection, ConnectionNotices.receiver, notices.pointer)
        return .writing(PQsocket(connection))
    }

    /// Goes on connecting once the socket is ready.
    mutating func continueConnecting() -> Progress {
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: return .reading(PQsocket(connection))
        case PGRES_POLLING_WRITING: return .writing(PQsocket(connection))
        case PGRES_POLLING_OK:
            let version = PQserverVersion(connection)
            guard version >= 150_000 else {
                let major = version / 10_000
                disconnect()
                return .failed(
                    DatabaseError(.unusable, "the server is PostgreSQL \(major); this needs 15 or newer"))
            }
            guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
                return failed()
            }
            generation += 1
            lastSign = .now
            return .connected(PQsocket(connection))
        default: return failed()
        }
    }

    private mutating func failed() -> Progress {
        let reason = message()
        disconnect()
        return .failed(DatabaseError(.unavailable, reason))
    }

    /// libpq's words about the connection itself: hosts, ports and roles, never statements or passwords.
    func message() -> String {
        guard let text = PQerrorMessage(connection) else { return "out of memory" }
        return String(cString: text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Closes the connection; what it still owed is the caller's to settle first, with `abandon`.
    mutating func disconnect() {
        PQfinish(connection)
        connection = nil
        prepared.removeAll()
        expected.removeAll(keepingCapacity: true)
        next = 0
        held.removeAll()
        refused.removeAll()
        batchError = nil
        awaitsEnd = false
        isBroken = false
        isCancelling = false
        lostByFatalError = false
    }

    // MARK: - Sending

    enum Sending: Sendable {
        /// All is in the kernel.
        case sent
        /// The socket is full: the connection's thread has to go on.
        case unfinished
        /// The connection is broken; these were not sent.
        case broken([Attempt])
    }

    mutating func send(_ batch: PipelineBatch) -> Sending {
        guard batch.generation == generation, connection != nil, !isBroken else {
            return .broken(batch.attempts)
        }
        if !isBusy { busyFrom = .now }
        var batchStart = 0
        while batchStart < batch.attempts.count {
            let batchEnd = batch.separately ? batchStart + 1 : batch.attempts.count
            let expectedBefore = expected.count
            var start = batchStart
            while start < batchEnd {
                let end = batch.endOfCoalesced(at: start, before: batchEnd)
                guard send(batch.attempts[start..<end], alone: batch.separately) else {
                    // Without their Sync none of this batch can take effect.
                    expected.removeSubrange(expectedBefore...)
                    isBroken = true
                    return .broken(Array(batch.attempts[batchStart...]))
                }
                start = end
            }
            expected.append(.sync(statements: batchEnd - batchStart, isExposed: isCancelling))
            guard PQpipelineSync(connection) == 1 else {
                isBroken = true
                return .broken(Array(batch.attempts[batchEnd...]))
            }
            batchStart = batchEnd
        }
        return flush()
    }

    /// Sends what one execution does: for one caller, or for a set of them.
    private mutating func send(_ attempts: ArraySlice<Attempt>, alone: Bool) -> Bool {
        guard let request = attempts.first?.request else { return true }
        let statement: Statement.Text
        if attempts.count > 1, let batched = request.statement.batched {
            statement = batched
            guard parameters.fill(batched: attempts) else { return false }
        } else {
            statement = request.statement.single
            guard parameters.fill(request.parameters) else { return false }
        }
        let count = Int32(clamping: parameters.types.count)
        // An unconfirmed Prepare stands in a batch before this one and may be aborted with it: a statement
        // that runs alone brings its own.
        let types = parameters.types
        let known = prepared[statement.number]?.first {
            $0.isUsable && $0.types == types && (!alone || $0.isConfirmed)
        }
        let entry: PreparedStatement
        if let known {
            entry = known
        } else {
            preparedNames += 1
            entry = PreparedStatement(name: "s\(preparedNames)", types: parameters.types)
            guard PQsendPrepare(connection, entry.name, statement.sql, count, entry.types) == 1 else {
                return false
            }
            expected.append(.prepare(entry))
            prepared[statement.number, default: []].removeAll { !$0.isUsable }
            prepared[statement.number, default: []].append(entry)
        }
        guard
            PQsendQueryPrepared(
                connection, entry.name, count, parameters.pointers, parameters.lengths, parameters.formats, 1)
                == 1
        else { return false }
        expected.append(.execute(attempts, entry))
        return true
    }

    /// Moves what libpq has buffered into the socket.
    mutating func flush() -> Sending {
        switch PQflush(connection) {
        case 0: return .sent
        case 1: return .unfinished
        default:
            isBroken = true
            return .broken([])
        }
    }

    // MARK: - Receiving

    /// Reads what the socket has and settles every answer that is complete.
    mutating func receive() -> CompletedResults {
        var results = CompletedResults()
        guard connection != nil else { return results }
        let isAlive = PQconsumeInput(connection) == 1
        while isBusy, results.lost == nil, PQisBusy(connection) == 0 {
            guard let pointer = PQgetResult(connection) else {
                if !awaitsEnd { results.lost = "an answer is missing" }
                awaitsEnd = false
                continue
            }
            let result = QueryResult(pointer)
            if awaitsEnd {
                results.lost = "an answer without end"
            } else {
                settle(result, &results)
            }
        }
        if next == expected.count || next > 1_024 {
            expected.removeSubrange(..<next)
            next = 0
        }
        if results.lost == nil, notices.sawServerShutdown.load(ordering: .relaxed) {
            // What is sent from here on meets nobody.
            lostByFatalError = true
            results.lost = "the server ended it"
        }
        if results.lost == nil, !isAlive || isBroken || PQstatus(connection) == CONNECTION_BAD {
            results.lost = message()
        }
        return results
    }

    private mutating func settle(_ result: QueryResult, _ results: inout CompletedResults) {
        let status = PQresultStatus(result.pointer)
        if status == PGRES_FATAL_ERROR, let reason = connectionLoss(result) {
            results.lost = reason
            return
        }
        switch (expected[next], status) {
        case (.prepare(let entry), PGRES_COMMAND_OK):
            entry.isConfirmed = true
            finishStatement()
        case (.prepare(let entry), PGRES_FATAL_ERROR), (.prepare(let entry), PGRES_PIPELINE_ABORTED):
            entry.isUsable = false
            noteError(result, status)
            finishStatement()
        case (.execute(let attempts, let entry), PGRES_TUPLES_OK),
            (.execute(let attempts, let entry), PGRES_COMMAND_OK),
            (.execute(let attempts, let entry), PGRES_EMPTY_QUERY):
            guard checkShape(result, entry), let shares = Rows.shares(of: result, count: attempts.count)
            else {
                results.lost = "an answer does not fit its statement"
                return
            }
            for (attempt, rows) in zip(attempts, shares) {
                // A read's answer is right whatever becomes of its neighbours; a write's only with the Sync.
                if purpose == .reads {
                    results.completed.append((attempt.request, .success(rows)))
                } else {
                    held.append((attempt, rows))
                }
            }
            finishStatement()
        case (.execute(let attempts, let entry), PGRES_FATAL_ERROR),
            (.execute(let attempts, let entry), PGRES_PIPELINE_ABORTED):
            noteError(result, status)
            // The server forgot the statement, or its table changed shape: it has to be prepared again.
            if let state = batchError?.state, status == PGRES_FATAL_ERROR,
                state == .invalidSQLStatementName || state == .featureNotSupported
            {
                entry.isUsable = false
            }
            refused += attempts
            finishStatement()
        case (.sync, PGRES_FATAL_ERROR):
            // The commit itself failed: a deferred constraint. The Sync's own answer still follows.
            noteError(result, status)
            awaitsEnd = true
        case (.sync(let statements, let isExposed), PGRES_PIPELINE_SYNC):
            next += 1
            results.batches += 1
            finishBatch(statements: statements, isExposed: isExposed, &results)
        default: results.lost = "an answer does not fit what was sent"
        }
    }

    private mutating func finishStatement() {
        next += 1
        awaitsEnd = true
    }

    private mutating func noteError(_ result: QueryResult, _ status: ExecStatusType) {
        guard status == PGRES_FATAL_ERROR, batchError == nil else { return }
        batchError = DatabaseError(result)
    }

    private mutating func finishBatch(statements: Int, isExposed: Bool, _ results: inout CompletedResults) {
        defer {
            held.removeAll(keepingCapacity: true)
            refused.removeAll(keepingCapacity: true)
            batchError = nil
        }
        let hasDoubts = notices.sawWarning.exchange(false, ordering: .relaxed)
        guard let batchError else {
            // Interrupted at its commit, which is kept here and perhaps nowhere else.
            if hasDoubts, isExposed, purpose == .writes {
                for (attempt, _) in held {
                    results.completed.append((attempt.request, .failure(Self.unknown)))
                }
                return
            }
            for (attempt, rows) in held { results.completed.append((attempt.request, .success(rows))) }
            // A statement that opened a transaction of its own would draw strangers into it.
            let state = PQtransactionStatus(connection)
            if state == PQTRANS_INTRANS || state == PQTRANS_INERROR {
                results.lost = "a transaction was left open"
            }
            return
        }
        let unsettled = held.map(\.attempt) + refused
        guard statements == 1, var attempt = unsettled.first else {
            for var attempt in unsettled {
                attempt.alone = true
                results.again.append(attempt)
            }
            return
        }
        attempt.alone = true
        // Hit by what was meant for another, or for itself: then it is dropped on its way back.
        if isExposed, batchError.state == .queryCancelled {
            results.again.append(attempt)
            return
        }
        attempt.failures += 1
        guard attempt.failures < attemptLimit, let state = batchError.state else {
            results.completed.append((attempt.request, .failure(batchError)))
            return
        }
        switch state {
        case .serializationFailure, .deadlockDetected: results.later.append(attempt)
        case .invalidSQLStatementName, .featureNotSupported: results.again.append(attempt)
        default: results.completed.append((attempt.request, .failure(batchError)))
        }
    }

    /// The columns of a prepared statement never change on a connection, so an answer with others is somebody
    /// else's.
    private func checkShape(_ result: QueryResult, _ entry: PreparedStatement) -> Bool {
        guard let columns = entry.columns else {
            entry.columns = (0..<result.columnCount).map { result.type(column: $0) }
            return true
        }
        return columns.count == result.columnCount
            && columns.indices.allSatisfy { columns[$0] == result.type(column: $0) }
    }
}
