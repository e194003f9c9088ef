// One libpq connection in non-blocking pipeline mode. It does the I/O that PipelineStateMachine decides on, and reports to
// it what the server sent. It knows nothing of threads; its owner calls it under a lock.

internal import CPostgreSQL
internal import Glibc
internal import Synchronization

struct PipelinedConnection: ~Copyable {
    typealias Results = CompletedResults<Rows>

    var machine: PipelineStateMachine<QueryResult>
    let notices: ConnectionNotices
    var connection: OpaquePointer?
    private var parameters = ParameterBuffer()
    private let lockStatement: LockStatement?
    /// Whether the connection is made and its session is being set.
    var isBeingSet = false
    /// What the statement that sets the session has read.
    var report: SessionReport?
    /// How many rises of timelines this session has been judged after.
    private var judgedChanges = 0
    /// The address that was tried last.
    var address: ServerAddress?
    private let resultLimit: Int
    /// About how many bytes of a result have come since the last one that was complete, without the first read.
    private var incompleteBytes = 0
    /// Whether the last read completed no result.
    private var isIncomplete = false

    init(
        purpose: ConnectionPurpose, attemptLimit: Int, lockStatement: LockStatement? = nil,
        resultLimit: Int = .max, notices: ConnectionNotices
    ) {
        machine = PipelineStateMachine(purpose: purpose, attemptLimit: attemptLimit)
        self.lockStatement = lockStatement
        self.resultLimit = resultLimit
        self.notices = notices
    }

    deinit {
        PQfinish(connection)
    }

    /// libpq's message about the connection itself: hosts, ports and roles, never statements or passwords.
    func message() -> String {
        guard let text = PQerrorMessage(connection) else { return "out of memory" }
        return String(cString: text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Whether a higher timeline than that of the server has been seen since the session began.
    var isFenced: Bool {
        mutating get {
            let changes = TimelineFence.changeCount
            guard changes != judgedChanges, let position = report?.position else { return false }
            judgedChanges = changes
            return !TimelineFence.admits(position)
        }
    }

    /// Closes the connection, on which nothing is owed.
    mutating func disconnect() {
        PQfinish(connection)
        connection = nil
        machine.disconnected()
    }

    /// Closes the connection, and settles what was owed.
    mutating func disconnect(settlingInto results: inout Results) {
        machine.connectionLost(&results)
        disconnect()
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
        guard machine.canSend(generation: batch.generation, at: .now) else {
            return .broken(batch.attempts)
        }
        var batchStart = 0
        while batchStart < batch.attempts.count {
            let batchEnd = batch.endOfTransaction(from: batchStart)
            guard send(batch, from: batchStart, to: batchEnd) else {
                machine.sendFailed()
                return .broken(Array(batch.attempts[batchStart...]))
            }
            machine.sync(statements: batchEnd - batchStart)
            guard PQpipelineSync(connection) == 1 else {
                machine.sendFailed()
                return .broken(Array(batch.attempts[batchEnd...]))
            }
            batchStart = batchEnd
        }
        return flush()
    }

    /// Sends the executions of one transaction, without its Sync; false if the connection is broken.
    private mutating func send(_ batch: PipelineBatch, from batchStart: Int, to batchEnd: Int) -> Bool {
        let isAlone = batchStart >= batch.sharedCount
        guard !isAlone || preparePlan(for: batch.attempts[batchStart].request.statement) else { return false }
        var start = batchStart
        while start < batchEnd {
            let end = batch.endOfRun(from: start, before: batchEnd)
            // A single execution takes its locks in order by itself.
            if start == batchStart, end < batchEnd, let lockStatement,
                !lock(batch.attempts[batchStart..<batchEnd], with: lockStatement)
            {
                return false
            }
            guard execute(batch.attempts[start..<end], alone: isAlone) else { return false }
            start = end
        }
        return true
    }

    /// Has the statement of this transaction planned for its values, if it wants that; false if the connection is broken.
    private mutating func preparePlan(for statement: Statement) -> Bool {
        guard statement.isPlannedEachTime else { return true }
        return parameters.fill([]) && execute(ReportSettings.statement, for: [], alone: true)
    }

    /// Sends the statement that takes the locks of these callers; false if the connection is broken.
    private mutating func lock(_ attempts: ArraySlice<Attempt>, with statement: LockStatement) -> Bool {
        guard parameters.fill(locksOf: attempts, statement) else { return false }
        return execute(statement.text, for: [], alone: false)
    }

    /// Sends one execution, for one caller or for several; false if the connection is broken.
    private mutating func execute(_ attempts: ArraySlice<Attempt>, alone: Bool) -> Bool {
        guard let request = attempts.first?.request else { return true }
        let text: Statement.Text
        if attempts.count > 1, let batched = request.statement.batched {
            text = batched
            guard parameters.fill(batched: attempts) else { return false }
        } else {
            text = request.statement.single
            guard parameters.fill(request.parameters) else { return false }
        }
        return execute(text, for: attempts, alone: alone)
    }

    /// Sends one execution with the parameters in the buffer; false if the connection is broken.
    private mutating func execute(
        _ text: Statement.Text, for attempts: ArraySlice<Attempt>, alone: Bool
    ) -> Bool {
        let count = Int32(clamping: parameters.types.count)
        let execution = machine.execute(
            attempts, statement: text.number, types: parameters.types, alone: alone)
        let name = execution.statement.name
        if execution.needsPrepare {
            guard PQsendPrepare(connection, name, text.sql, count, execution.statement.types) == 1 else {
                return false
            }
        }
        return PQsendQueryPrepared(
            connection, name, count, parameters.pointers, parameters.lengths, parameters.formats, 1) == 1
    }

    /// Moves what libpq has buffered into the socket.
    mutating func flush() -> Sending {
        switch PQflush(connection) {
        case 0: return .sent
        case 1: return .unfinished
        default:
            machine.sendFailed()
            return .broken([])
        }
    }

    // MARK: - Receiving

    /// Reads what the socket has and settles every result that is complete.
    mutating func receive() -> Results {
        var results = Results()
        guard connection != nil else { return results }
        // Most results come with one read, and are not counted.
        let waiting = isIncomplete ? bytesInSocket() : 0
        let isAlive = PQconsumeInput(connection) == 1
        if isIncomplete {
            // More may have come meanwhile, but libpq has read 8 KiB at least if they were there.
            incompleteBytes += max(waiting - bytesInSocket(), min(waiting, 8_192))
        }
        isIncomplete = machine.isBusy
        while machine.isBusy, results.lost == nil, PQisBusy(connection) == 0 {
            machine.receive(nextInput(), into: &results)
            isIncomplete = false
            incompleteBytes = 0
        }
        if incompleteBytes > resultLimit {
            isIncomplete = false
            incompleteBytes = 0
            machine.resultIsTooLarge(limit: resultLimit, &results)
        }
        machine.compact()
        guard results.lost == nil else { return results }
        if notices.sawServerShutdown.load(ordering: .relaxed) {
            // What is sent from here on reaches nobody.
            machine.receive(.shutdown("the server ended it"), into: &results)
        } else if !isAlive || machine.isBroken || PQstatus(connection) == CONNECTION_BAD {
            machine.receive(.connectionError(message()), into: &results)
        }
        return results
    }

    /// How many bytes wait in the socket.
    private func bytesInSocket() -> Int {
        var count: Int32 = 0
        return ioctl(PQsocket(connection), UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    private func nextInput() -> PipelineStateMachine<QueryResult>.Input {
        guard let pointer = PQgetResult(connection) else { return .endOfStatement }
        let result = QueryResult(pointer)
        switch PQresultStatus(pointer) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .completed(result)
        case PGRES_FATAL_ERROR: return failure(result)
        case PGRES_PIPELINE_ABORTED: return .aborted
        case PGRES_PIPELINE_SYNC:
            let state = PQtransactionStatus(connection)
            return .sync(
                transactionIsOpen: state == PQTRANS_INTRANS || state == PQTRANS_INERROR,
                sawWarning: notices.sawWarning.exchange(false, ordering: .relaxed))
        default: return .unexpected
        }
    }

    /// libpq's own errors are those of the connection and carry no SQLSTATE; the server ends a connection after a FATAL
    /// error.
    private func failure(_ result: QueryResult) -> PipelineStateMachine<QueryResult>.Input {
        guard let state = result.errorField(clinic_pq_diag_sqlstate) else {
            return .connectionError(message())
        }
        let severity = result.errorField(clinic_pq_diag_severity)
        guard severity == "FATAL" || severity == "PANIC" else { return .failed(DatabaseError(result)) }
        return .shutdown("the server ended it (SQLSTATE \(state))")
    }

    // MARK: - Cancelling

    /// A request to cancel what the server works at, if it is time for one.
    mutating func cancelRequest(_ scheduler: inout CancelScheduler) -> CancelRequest? {
        guard scheduler.isDue(at: .now),
            case .cancel = scheduler.fire(machine.unwanted, lastSign: machine.lastSign, at: .now),
            !machine.isCancelling,
            let request = CancelRequest(
                connection: connection, process: report?.process ?? 0, generation: machine.generation)
        else { return nil }
        machine.startCancelling()
        return request
    }
}
