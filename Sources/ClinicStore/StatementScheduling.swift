// With which others the statements of a call are sent, and how its task is resumed: the calls of one socket read send
// theirs as one batch, and a thread that delivers many results wakes each event loop once.

internal import PostgreSQL
internal import Synchronization

/// Statements begun together, for example by the calls of one socket read. Confined to the thread that made it.
public final class StoreBatch {
    let statements = StatementBatch()

    /// An empty batch.
    public init() {}

    /// Sends what has gathered; the batch can be used again.
    public func flush() { statements.flush() }
}

/// Collects what is to be done once after all results of one round trip have been delivered.
public struct StoreCompletions {
    let batch: CompletionBatch

    /// Runs the action after the last result, on the same thread, once for each target.
    public func afterwards(_ target: AnyObject, _ action: @escaping () -> Void) {
        batch.afterwards(target, action)
    }
}

/// A statement that was begun without a task.
public struct StoreStatement: Sendable {
    let statement: SubmittedStatement

    /// Cancels it, as the cancellation of a task would: its result is reported at once, unless it was.
    public func cancel() { statement.cancel() }
}

/// Where the statements of one call are begun, and where its task is resumed.
public protocol StatementScheduling: AnyObject, Sendable {
    /// The batch that is open on this thread; nil if there is none, and a statement is sent at once.
    var statementBatch: StoreBatch? { get }
    /// Runs the closure where the task of the call runs, from any thread.
    func submit(after completions: StoreCompletions, _ closure: @escaping @Sendable () -> Void)
}

extension Database {
    /// As `read`, for a call; nil for what the program asks by itself.
    func read(
        _ statement: Statement, _ parameters: [SQLValue] = [], for context: RequestContext?, cost: Int = 1
    ) async throws(DatabaseError) -> Rows {
        try await read(statement, parameters, fairnessKey: context?.fairnessKey, cost: cost)
    }

    /// As `write`, with the batch and on the thread of a call.
    func write(
        _ statement: Statement, _ parameters: [SQLValue], affinityKey: Int64?, for context: RequestContext
    ) async throws(DatabaseError) -> Rows {
        let fairnessKey = context.fairnessKey
        guard let scheduling = context.scheduling else {
            return try await write(
                statement, parameters, affinityKey: affinityKey, fairnessKey: fairnessKey)
        }
        let submitted = Mutex<SubmittedStatement?>(nil)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation {
                (continuation: UnsafeContinuation<Result<Rows, DatabaseError>, Never>) in
                let begun = submit(
                    statement, parameters, to: .writes, affinityKey: affinityKey, fairnessKey: fairnessKey,
                    in: scheduling.statementBatch?.statements
                ) { result, completions in
                    scheduling.submit(after: StoreCompletions(batch: completions)) {
                        continuation.resume(returning: result)
                    }
                }
                submitted.withLock { $0 = begun }
                // The handler of a task that was cancelled before it waited has run too early.
                if Task.isCancelled { begun.cancel() }
            }
        } onCancel: {
            submitted.withLock(\.self)?.cancel()
        }
        return try result.get()
    }
}
