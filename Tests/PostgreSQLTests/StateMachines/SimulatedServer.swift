// One process of a PostgreSQL that exists in a test only: it runs what a pipeline sent, in order, with implicit
// transactions, and fails as it is told. What it commits is written down, to be compared with what callers are told.

@testable import PostgreSQL

/// A statement's result: whose it is.
struct SimulatedResponse: QueryResponse {
    var columnTypes: [UInt32] = [20]
    var callers: [Int] = []

    func shares(count: Int) -> [Int]? { callers.count == count ? callers : nil }
}

/// How the server treats a caller's statement.
enum SimulatedBehaviour {
    case succeeds
    case violatesConstraint
    /// A deferred constraint fails the commit of its whole batch.
    case failsAtCommit
    case deadlocks(times: Int)
    /// The server does not know the prepared statement any more.
    case isForgotten(times: Int)
}

/// What all processes of the server share.
final class SimulatedStorage {
    var behaviours: [SimulatedBehaviour] = []
    /// How often each caller's statement has been committed.
    var commits: [Int] = []

    func failure(of caller: Int) -> SQLState? {
        switch behaviours[caller] {
        case .violatesConstraint: return .uniqueViolation
        case .deadlocks(let times) where times > 0:
            behaviours[caller] = .deadlocks(times: times - 1)
            return .deadlockDetected
        case .isForgotten(let times) where times > 0:
            behaviours[caller] = .isForgotten(times: times - 1)
            return .invalidSQLStatementName
        case .succeeds, .failsAtCommit, .deadlocks, .isForgotten: return nil
        }
    }

    func failsAtCommit(_ callers: [Int]) -> Bool {
        callers.contains { if case .failsAtCommit = behaviours[$0] { true } else { false } }
    }
}

struct SimulatedServer {
    typealias Input = PipelineStateMachine<SimulatedResponse>.Input

    enum Message {
        case prepare(String)
        case execute(String, callers: [Int])
        case sync
    }

    let storage: SimulatedStorage
    /// What was sent and has not been worked at.
    var inbox: [Message] = []
    /// What was answered and has not been received.
    var outbox: [Input] = []
    var isAlive = true
    /// A request to cancel has arrived.
    var isCancelled = false
    private var prepared: Set<String> = []
    private var isAborted = false
    private var uncommitted: [Int] = []

    init(storage: SimulatedStorage) { self.storage = storage }

    /// Works at the next message.
    mutating func step() {
        guard isAlive, !inbox.isEmpty else { return }
        switch inbox.removeFirst() {
        case .prepare(let name):
            if !isAborted { prepared.insert(name) }
            outbox += [
                isAborted ? .aborted : .completed(SimulatedResponse(columnTypes: [])), .endOfStatement,
            ]
        case .execute(let name, let callers):
            outbox += [run(name, callers), .endOfStatement]
        case .sync:
            sync()
        }
    }

    private mutating func run(_ name: String, _ callers: [Int]) -> Input {
        if isAborted { return .aborted }
        var failure = prepared.contains(name) ? nil : SQLState.invalidSQLStatementName
        if isCancelled { failure = .queryCancelled }
        isCancelled = false
        for caller in callers where failure == nil { failure = storage.failure(of: caller) }
        if let failure {
            isAborted = true
            return .failed(DatabaseError(.server(failure), "refused"))
        }
        uncommitted += callers
        return .completed(SimulatedResponse(callers: callers))
    }

    private mutating func sync() {
        if !isAborted, storage.failsAtCommit(uncommitted) {
            outbox += [
                .failed(DatabaseError(.server(.foreignKeyViolation), "refused")), .endOfStatement,
            ]
        } else if !isAborted {
            for caller in uncommitted { storage.commits[caller] += 1 }
        }
        outbox.append(.sync(transactionIsOpen: false, sawWarning: isCancelled && !isAborted))
        isCancelled = false
        isAborted = false
        uncommitted = []
    }

    /// Ends without a word, or announces it first; nothing that was not committed is kept.
    mutating func end(announced: Bool) {
        guard isAlive else { return }
        if announced { outbox.append(.shutdown("the server ended it")) }
        isAlive = false
        inbox = []
        uncommitted = []
    }
}
