// What a handler knows about its call: the caller, the peer, and how its statements are sent.

public import ClinicStore
public import RPC
public import Scheduling

/// One authorized call.
public struct AuthorizedCall: Sendable {
    /// Who is calling.
    public let caller: Caller
    /// The moment that all decisions of the call use.
    public let now: Instant
    let method: String
    let key: RequestContext.Key?
    let origin: CallOrigin

    /// What a mutation records about its cause, and with which others it is sent.
    public var context: RequestContext {
        RequestContext(
            actorID: caller.userID, method: method, key: key, scheduling: origin.executor,
            fairnessKey: shareKey.number)
    }

    /// Whose share of what is limited it counts toward.
    var shareKey: ShareKey { caller.shareKey(from: origin) }

    /// Counts the call toward its user until `end` of what is returned; nil for nobody known, who counts by address alone.
    /// Throws `Overloaded`.
    func takeShare(isStream: Bool = false) throws(Overloaded) -> UserShare? {
        caller == .anonymous ? nil : try origin.count(toward: shareKey, isStream: isStream)
    }

    /// The other end of the connection, and its certificate.
    public var peer: Peer { origin.peer }
    /// Where the call comes from, for limits and records: not a proxy that is trusted.
    public var clientAddress: ClientAddress { origin.address }
}

extension Caller {
    /// Whose share of what is limited the caller's calls count toward. Staff may share an account, so that each place is
    /// counted for itself.
    func shareKey(from origin: CallOrigin) -> ShareKey {
        switch self {
        case .anonymous: origin.shareKey
        case .user(let id, .patient): ShareKey(user: id)
        case .user(let id, .staff), .user(let id, .admin): ShareKey(user: id, at: origin.shareKey)
        }
    }
}

/// The unsent statements of the calls of a read batch.
final class BatchedStatements: ReadBatchValue {
    let statements = StoreBatch()

    func flush() { statements.flush() }
}

/// Sends the statements of a call with those of its read batch, and resumes its task on its event loop.
extension EventLoopExecutor: StatementScheduling {
    @usableFromInline package var statementBatch: StoreBatch? {
        openBatch?.value(BatchedStatements.self).statements
    }

    @usableFromInline package func submit(
        after completions: StoreCompletions, _ closure: @escaping @Sendable () -> Void
    ) {
        run(deferringWakeUpTo: completions, closure)
    }
}

extension StoreCompletions: WakeUpBatch {}

extension StoreStatement: Cancellable {}
