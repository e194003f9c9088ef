// What a handler knows of its call: who calls, from where, and with what its statements are sent.

public import ClinicStore
public import RPC
public import Scheduling

/// One authorized call.
public struct AuthorizedCall: Sendable {
    /// Who is calling.
    public let caller: Caller
    /// The other end of the connection, and its certificate.
    public let peer: Peer
    /// Where the call comes from, for limits and records: not a proxy that is trusted.
    public let clientAddress: ClientAddress
    /// What a mutation records about its cause.
    public let context: RequestContext
    /// The moment all of the call's decisions are made for.
    public let now: Instant
}

/// The statements that the calls of a read batch have begun.
final class BatchedStatements: ReadBatchValue {
    let statements = StoreBatch()

    func flush() { statements.flush() }
}

/// Sends the statements of a call with those of its read batch, and resumes its task on its event loop.
struct CallScheduling: StatementScheduling {
    let executor: CallExecutor

    var batch: StoreBatch? { executor.openBatch?.value(BatchedStatements.self).statements }

    func submit(after completions: StoreCompletions, _ closure: @escaping @Sendable () -> Void) {
        executor.submit(deferringWakeUpTo: completions, closure)
    }
}

extension StoreCompletions: WakeUpBatch {}

extension StoreStatement: Cancellable {}
