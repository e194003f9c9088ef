// What is sent to one connection in one go: one implicit transaction that ends with its Sync, or, for requests that failed
// together before, one for each request.

/// A request in the queue or on a connection, with what has become of it so far.
struct Attempt: Sendable {
    let request: StatementRequest
    /// Lower than those of all later requests.
    let sequenceNumber: UInt64
    /// How often it has been sent without a result of its own.
    var failures = 0
    /// Whether it is sent with a Sync of its own, because another request of its batch may have been the reason.
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
    var attempts: [Attempt] = []
    /// Whether each request gets a Sync of its own.
    var separately = false

    /// Moves requests of the same statement next to each other, so that one execution can serve them. The order within a
    /// batch has no meaning: its requests were submitted by callers who do not wait for each other.
    mutating func coalesce() {
        guard !separately, let first = attempts.first?.request.statement,
            attempts.contains(where: { $0.request.statement != first })
        else { return }
        var places: [Statement: Int] = [:]
        for attempt in attempts where places[attempt.request.statement] == nil {
            places[attempt.request.statement] = places.count
        }
        let sorted = attempts.enumerated().sorted { left, right in
            (places[left.element.request.statement] ?? 0, left.offset)
                < (places[right.element.request.statement] ?? 0, right.offset)
        }
        attempts = sorted.map(\.element)
    }

    /// The end of the run of requests from `start` that one execution can serve.
    func endOfRun(from start: Int, before limit: Int) -> Int {
        let first = attempts[start].request
        guard !separately, first.statement.batched != nil else { return start + 1 }
        return attempts[(start + 1)..<limit].firstIndex { !$0.request.sharesExecution(with: first) } ?? limit
    }
}
