// One statement on its way from whoever waits for it to a connection and back. A request is resumed exactly once: by whoever
// moved it to `over`, and nobody else.

import Synchronization

final class StatementRequest: Sendable {
    enum Phase: UInt8, AtomicRepresentable {
        /// Not in a queue yet; a cancellation only leaves its mark.
        case new
        /// Given up before it was in a queue, and not resumed yet.
        case cancelled
        /// In a pool's queue; a cancellation takes it out and resumes it.
        case queued
        /// Owned by a connection, or by whoever took it out of the queue to resume it.
        case taken
        /// Owned as before, by a connection that changes something; its caller gave up and hears what became
        /// of it.
        case unwanted
        /// Resumed. A read whose caller gave up is over while the server is still at it.
        case over
    }

    typealias Outcome = Result<Rows, DatabaseError>

    let statement: Statement
    let parameters: [SQLValue]
    /// Whether it takes the connection for point reads, among reads.
    let isPointRead: Bool
    /// Requests with the same key go over the same connection; nil for any.
    let affinityKey: Int64?
    /// Requests with different keys take turns in the queue.
    let fairnessKey: UInt64?
    let phase = Atomic<Phase>(.new)
    /// The connection it was last taken for, by its place in the pool.
    let connectionIndex = Atomic<Int>(0)
    /// Who is told. Written once before the phase becomes `queued`, read only by the one who may resume.
    nonisolated(unsafe) var waiter: Waiter?

    enum Waiter {
        case task(UnsafeContinuation<Outcome, Never>)
        /// It is called on whichever thread has the answer.
        case callback(@Sendable (Outcome, CompletionBatch) -> Void)
    }

    init(
        _ statement: Statement, _ parameters: [SQLValue], isPointRead: Bool, affinityKey: Int64? = nil,
        fairnessKey: UInt64? = nil
    ) {
        self.statement = statement
        self.parameters = parameters
        self.isPointRead = isPointRead
        self.affinityKey = affinityKey
        self.fairnessKey = fairnessKey
    }

    /// Moves on if nobody else did; the caller then owns the next step.
    func move(from old: Phase, to new: Phase) -> Bool {
        phase.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    /// False once its caller gave up: it need not be carried out, and is not sent again.
    var isWanted: Bool {
        switch phase.load(ordering: .acquiring) {
        case .new, .queued, .taken: true
        case .cancelled, .unwanted, .over: false
        }
    }

    /// Whether one execution in the set form serves both: it takes an array for each value, and one of arrays for none.
    func sharesExecution(with other: StatementRequest) -> Bool {
        statement == other.statement && parameters.count == other.parameters.count
            && zip(parameters, other.parameters).allSatisfy { value, other in
                value.arrayType == nil ? value == other : value.type == other.type
            }
    }

    /// Delivers the outcome to the caller, unless that was done.
    func finish(_ outcome: Outcome, in completions: CompletionBatch) {
        guard phase.exchange(.over, ordering: .acquiringAndReleasing) != .over else { return }
        switch waiter {
        case .task(let continuation): continuation.resume(returning: outcome)
        case .callback(let completion): completion(outcome, completions)
        case nil: break
        }
    }

    /// Delivers an error that no round trip brought.
    func fail(_ error: DatabaseError) {
        let completions = CompletionBatch()
        finish(.failure(error), in: completions)
        completions.finish()
    }
}

/// A request in a queue or on a connection, with what has become of it so far.
struct Attempt: Sendable {
    let request: StatementRequest
    /// Lower than those of all who came later.
    let sequenceNumber: UInt64
    /// How often it has been sent without getting an answer of its own.
    var failures = 0
    /// True if a neighbour may have been the reason: it is sent again with a Sync of its own.
    var alone = false
    /// Since when it waits in the queue; nil if it could leave at once.
    var queued: ContinuousClock.Instant?
}

/// What is sent to one connection in one go.
struct PipelineBatch: Sendable {
    let connection: PooledConnection
    /// Which of the connection's connections it is meant for.
    let generation: Int
    var attempts: [Attempt]
    /// Whether each statement gets its own Sync.
    var separately: Bool

    /// Puts next to each other whom one execution can serve; all that is in a batch happens at once anyway.
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

    /// Where the set ends that begins there: behind the last neighbour whom the same execution can serve.
    func endOfCoalesced(at start: Int, before limit: Int) -> Int {
        let first = attempts[start].request
        guard !separately, first.statement.batched != nil else { return start + 1 }
        return attempts[(start + 1)..<limit].firstIndex { !$0.request.sharesExecution(with: first) } ?? limit
    }
}

/// What reading a connection brought, to be acted on once its lock is released.
struct CompletedResults: Sendable {
    var completed: [(request: StatementRequest, outcome: StatementRequest.Outcome)] = []
    /// To be sent again now.
    var again: [Attempt] = []
    /// To be sent again after a pause: another transaction was in the way.
    var later: [Attempt] = []
    /// How many Syncs came back.
    var batches = 0
    /// Why the connection can no longer be used.
    var lost: String?
}
