// One statement between its caller and a connection. Its outcome is delivered exactly once: by whoever moves the request
// to `over`.

import Synchronization

final class StatementRequest: Sendable {
    enum Phase: UInt8, AtomicRepresentable {
        /// Not in the queue yet.
        case new
        /// Cancelled before it was in the queue; its caller is still to be told.
        case cancelled
        /// In the queue; a cancellation takes it out.
        case queued
        /// On a connection, or about to fail.
        case taken
        /// On a connection for writes although its caller gave up; the caller is told what became of it.
        case unwanted
        /// Its outcome is delivered. The server may still work at a read whose caller gave up.
        case over
    }

    typealias Outcome = Result<Rows, DatabaseError>

    let statement: Statement
    let parameters: [SQLValue]
    /// Whether it takes the connection for point reads, among reads.
    let isPointRead: Bool
    /// Requests with the same key go over the same connection; nil for any.
    let affinityKey: Int64?
    /// Requests with different keys take turns in the queue; those without a key share one.
    let fairnessKey: UInt64?
    /// How much work it is, in small statements; at least 1.
    let cost: Int
    private let atomicPhase = Atomic<Phase>(.new)
    private let connectionIndex = Atomic<Int>(0)
    /// Its slot in the queue, or −1. Used by the queue only, which is confined to the pool's lock.
    nonisolated(unsafe) var queuePosition: Int32 = -1
    /// Who is told. Written once before the request is submitted, read only by whoever moves the phase to `over`.
    nonisolated(unsafe) var waiter: Waiter?

    enum Waiter {
        case task(UnsafeContinuation<Outcome, Never>)
        /// Called on whichever thread has the outcome.
        case callback(@Sendable (Outcome, CompletionBatch) -> Void)
    }

    init(
        _ statement: Statement, _ parameters: [SQLValue], isPointRead: Bool, affinityKey: Int64? = nil,
        fairnessKey: UInt64? = nil, cost: Int = 1
    ) {
        self.statement = statement
        self.parameters = parameters
        self.isPointRead = isPointRead
        self.affinityKey = affinityKey
        self.fairnessKey = fairnessKey
        self.cost = max(1, cost)
    }

    var phase: Phase { atomicPhase.load(ordering: .acquiring) }

    /// The connection it was last taken for, by its index in the pool.
    var connection: Int {
        get { connectionIndex.load(ordering: .acquiring) }
        set { connectionIndex.store(newValue, ordering: .releasing) }
    }

    /// Changes the phase unless another thread did; on true, the next step is the caller's.
    func move(from old: Phase, to new: Phase) -> Bool {
        atomicPhase.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    /// False once its caller gave up: it need not be carried out, and is not sent again.
    var isWanted: Bool {
        switch phase {
        case .new, .queued, .taken: true
        case .cancelled, .unwanted, .over: false
        }
    }

    /// Whether one execution of the batched form serves both: it takes an array for each value, and an array as it is.
    func sharesExecution(with other: StatementRequest) -> Bool {
        statement == other.statement && parameters.count == other.parameters.count
            && zip(parameters, other.parameters).allSatisfy { value, other in
                value.arrayType == nil ? value == other : value.type == other.type
            }
    }

    /// What it gives to a parameter of the lock statement; nil for NULL.
    func lockedParameter(at place: Int) -> SQLValue? {
        guard let locks = statement.locks, locks.indices.contains(place), let index = locks[place],
            parameters.indices.contains(index)
        else { return nil }
        return parameters[index]
    }

    /// Claims the right to deliver the outcome; false if it was claimed before.
    func claim() -> Bool {
        atomicPhase.exchange(.over, ordering: .acquiringAndReleasing) != .over
    }

    /// Delivers the outcome to the caller, unless that was done.
    func finish(_ outcome: Outcome, in completions: CompletionBatch) {
        guard claim() else { return }
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

/// A request that is to be failed, outside all locks.
struct FailedRequest: Sendable {
    let request: StatementRequest
    let error: DatabaseError

    func deliver() { request.fail(error) }
}
