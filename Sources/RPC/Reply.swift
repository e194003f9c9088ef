// What a handler of a unary call returns: its response, or the pending operation that ends the call. A query reports to a
// completion and needs no task, which costs less; an async function runs in a task.

internal import NIOCore
public import ProtobufC
internal import Synchronization

/// What a handler of a unary call returns.
public enum Reply<Response: Message>: Sendable {
    /// The response, optionally after fields that are encoded already; see `Message.withEncoded(behind:)`.
    case ready(Response, behind: ArraySlice<UInt8> = [])
    /// The operation that ends the call later.
    case pending(PendingOperation<Response>)
}

/// Thrown by a handler that rejects the call because it would wait too long. The caller is told to try again later, with as little
/// work as possible.
public struct Overloaded: Error {
    /// An error without details.
    public init() {}
}

/// Work that can be cancelled.
public protocol Cancellable: Sendable {
    /// Cancels the work, if it has not ended; from any thread.
    func cancel()
}

extension Task: Cancellable {}

/// An operation that ends its call later.
public struct PendingOperation<Response: Message>: Sendable {
    @usableFromInline enum Kind: Sendable {
        case callback(@Sendable (ReadBatch, Completion<Response>) -> any Cancellable)
        case task(@Sendable () async throws -> Response)
    }

    @usableFromInline let kind: Kind

    /// An operation that needs no task.
    ///
    /// - Parameter start: starts the operation in the batch, without waiting or blocking, and returns what cancels it. It calls the
    ///   completion once, from any thread.
    public init(_ start: @escaping @Sendable (ReadBatch, Completion<Response>) -> any Cancellable) {
        kind = .callback(start)
    }

    private init(kind: Kind) { self.kind = kind }

    /// An async function, run on the event loop of the call.
    public static func task(_ body: @escaping @Sendable () async throws -> Response) -> PendingOperation {
        PendingOperation(kind: .task(body))
    }
}

/// The end of a call whose operation was started.
public struct Completion<Response: Message>: Sendable {
    @usableFromInline enum Receiver: Sendable {
        case call(OperationPromise)
        /// A task of the call waits.
        case task(CheckedContinuation<Response, any Error>, on: EventLoopExecutor)
    }

    @usableFromInline let receiver: Receiver

    @usableFromInline init(_ receiver: Receiver) { self.receiver = receiver }

    /// Ends the call with what the closure returns or throws; to be called once, from any thread. The closure runs later on
    /// the event loop of the call's connection, and must not block.
    ///
    /// - Parameter wakeUps: defers waking the event loop, for a thread that ends many calls in one go.
    @inlinable public func callAsFunction(
        deferringWakeUpTo wakeUps: (any WakeUpBatch)? = nil,
        _ result: @escaping @Sendable () throws -> Response
    ) {
        switch receiver {
        case .call(let promise):
            promise.run(deferringWakeUpTo: wakeUps) {
                do {
                    promise.onEventLoop.succeed(try result())
                } catch {
                    promise.onEventLoop.fail(error)
                }
            }
        case .task(let continuation, let executor):
            executor.run(deferringWakeUpTo: wakeUps) { continuation.resume(with: Result(catching: result)) }
        }
    }
}

extension UnaryCall {
    /// The response of a reply, for a handler that runs in a task.
    public func response<Response>(of reply: Reply<Response>) async throws -> Response {
        switch reply {
        case .ready(let response, let head) where head.isEmpty: return response
        case .ready(let response, let head):
            return try Response(decoding: head + response.encoded(), limits: .client)
        case .pending(let operation): return try await operation.response(on: received.origin.executor)
        }
    }
}

extension PendingOperation {
    /// Starts the operation and waits for its result. On the executor's event loop.
    func response(on executor: EventLoopExecutor) async throws -> Response {
        let start: @Sendable (ReadBatch, Completion<Response>) -> any Cancellable
        switch kind {
        case .task(let body): return try await body()
        case .callback(let callback): start = callback
        }
        let started = Mutex<(any Cancellable)?>(nil)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let batch = executor.batch
                batch.run {
                    let work = start(batch, Completion(.task(continuation, on: executor)))
                    started.withLock { $0 = work }
                }
                if Task.isCancelled { started.withLock(\.self)?.cancel() }
            }
        } onCancel: {
            started.withLock(\.self)?.cancel()
        }
    }
}
