// What is sent to one connection in one go: one implicit transaction that ends with its Sync, and one more for each request
// that must not share it.

/// A request in the queue or on a connection, with what has become of it so far.
struct Attempt: Sendable {
    let request: StatementRequest
    /// Lower than those of all later requests.
    let sequenceNumber: UInt64
    /// How often it has been sent without a result of its own.
    var failures = 0
    /// Whether it is sent with a Sync of its own: another request of its batch may have been the reason that it failed, or
    /// it declares no locks.
    var alone = false
    /// When it began to wait in the queue, counted from `clockStart`; nil if it was sent at once. A duration and not an
    /// instant, whose size is not known before run time, which made each copy of an attempt a call.
    var waitStart: Duration?

    static let clockStart = ContinuousClock.now
}

/// Requests for one connection.
struct PipelineBatch: Sendable {
    /// The connection's index in the pool.
    let connection: Int
    /// The number of the connection's session that the batch is meant for.
    let generation: Int
    private(set) var attempts: [Attempt] = []
    /// How many requests at the front share one transaction; each of the others has one of its own.
    private(set) var sharedCount = 0
    private var aloneCount = 0

    init(connection: Int, generation: Int) {
        self.connection = connection
        self.generation = generation
    }

    /// The number of transactions.
    var transactions: Int { min(sharedCount, 1) + attempts.count - sharedCount }

    /// Adds a request; `arrange` has to follow the last.
    mutating func append(_ attempt: Attempt) {
        if attempt.alone { aloneCount += 1 }
        attempts.append(attempt)
    }

    /// Moves the requests that share a transaction to the front, and there those of the same statement next to each other,
    /// so that one execution can serve them. The order within a batch has no meaning: its requests were submitted by callers
    /// who do not wait for each other.
    mutating func arrange() {
        sharedCount = attempts.count - aloneCount
        guard sharedCount > 0, attempts.count > 1 else { return }
        if aloneCount > 0 { attempts = attempts.filter { !$0.alone } + attempts.filter(\.alone) }
        let shared = attempts[..<sharedCount]
        guard let first = shared.first?.request.statement,
            shared.contains(where: { $0.request.statement != first })
        else { return }
        var places: [Statement: Int] = [:]
        for attempt in shared where places[attempt.request.statement] == nil {
            places[attempt.request.statement] = places.count
        }
        let sorted = shared.enumerated().sorted { left, right in
            (places[left.element.request.statement] ?? 0, left.offset)
                < (places[right.element.request.statement] ?? 0, right.offset)
        }
        attempts.replaceSubrange(..<sharedCount, with: sorted.map(\.element))
    }

    /// The end of the transaction that begins at `start`.
    func endOfTransaction(from start: Int) -> Int { start < sharedCount ? sharedCount : start + 1 }

    /// The end of the run of requests from `start` that one execution can serve.
    func endOfRun(from start: Int, before limit: Int) -> Int {
        let first = attempts[start].request
        guard start < sharedCount, first.statement.batched != nil else { return start + 1 }
        return attempts[(start + 1)..<limit].firstIndex { !$0.request.sharesExecution(with: first) } ?? limit
    }
}
