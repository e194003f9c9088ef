// What a handler of a unary call returns: its response, or the operation that will end the call. An operation that takes
// no task costs less than one that does, so a query is one that reports to a completion; an async function is another.

internal import NIOCore
public import ProtobufC
internal import Synchronization

/// What a handler makes of a call. What it throws is the failure of the call.
public enum Reply<Response: Message>: Sendable {
    /// The response, or all of it but for the fields that it begins with, which are encoded already: as
    /// `Message.withEncoded(behind:)` takes them.
    case ready(Response, behind: ArraySlice<UInt8> = [])
    /// The operation that ends the call later.
    case pending(PendingOperation<Response>)
}

/// Thrown by a handler that does not take the call, since the caller would wait too long. The caller is told to try again
/// later, with as little work as possible.
public struct Overloaded: Error {
    /// Says nothing more than that.
    public init() {}
}

/// Something that can be told that nobody waits for it any more.
public protocol Cancellable: Sendable {
    /// Ends it soon, if it has not ended; from any thread.
    func cancel()
}

extension Task: Cancellable {}

/// What ends a call later.
public struct PendingOperation<Response: Message>: Sendable {
    enum Kind: Sendable {
        case callback(@Sendable (ReadBatch, Completion<Response>) -> any Cancellable)
        case task(@Sendable () async throws -> Response)
    }

    let kind: Kind

    /// An operation that takes no task.
    ///
    /// - Parameter start: starts it in the batch, without waiting or blocking, and returns what cancels it. It calls the
    ///   completion once, from any thread.
    public init(_ start: @escaping @Sendable (ReadBatch, Completion<Response>) -> any Cancellable) {
        kind = .callback(start)
    }

    private init(kind: Kind) { self.kind = kind }

    /// An async function, run on the event loop of the call.
    public static func task(_ body: @escaping @Sendable () async throws -> Response) -> PendingOperation {
        PendingOperation(kind: .task(body))
    }

    /// The same operation, whose result the closure returns or throws.
    public func finishing(
        _ transform: @escaping @Sendable (_ result: () throws -> Response) throws -> Response
    ) -> PendingOperation {
        switch kind {
        case .callback(let start):
            PendingOperation { batch, completion in start(batch, completion.finishing(transform)) }
        case .task(let body):
            .task {
                let result: Result<Response, any Error>
                do { result = .success(try await body()) } catch { result = .failure(error) }
                return try transform(result.get)
            }
        }
    }
}

/// The end of a call whose operation was started.
public struct Completion<Response: Message>: Sendable {
    typealias End = @Sendable (_ result: () throws -> Response) -> Void

    private let executor: EventLoopExecutor
    private let end: End

    fileprivate init(on executor: EventLoopExecutor, _ end: @escaping End) {
        self.executor = executor
        self.end = end
    }

    /// Ends the call with what the closure returns or throws; to be called once, from any thread. The closure runs later on
    /// the event loop of the call's connection, and must not block.
    ///
    /// - Parameter wakeUps: defers waking the event loop, for a thread that ends many calls in one go.
    public func callAsFunction(
        deferringWakeUpTo wakeUps: (any WakeUpBatch)? = nil,
        _ result: @escaping @Sendable () throws -> Response
    ) {
        let end = self.end
        executor.run(deferringWakeUpTo: wakeUps) { end(result) }
    }

    /// The same end, of a call whose result the closure returns or throws.
    fileprivate func finishing(
        _ transform: @escaping @Sendable (_ result: () throws -> Response) throws -> Response
    ) -> Completion {
        let end = self.end
        return Completion(on: executor) { result in end { try transform(result) } }
    }
}

extension UnaryCall {
    /// The response of a reply, for a handler that has a task already.
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
    /// Starts the operation, whose result `end` gets on the executor's event loop. Returns what cancels it.
    func start(
        in batch: ReadBatch, on executor: EventLoopExecutor, end: @escaping Completion<Response>.End
    ) -> any Cancellable {
        switch kind {
        case .callback(let start):
            return start(batch, Completion(on: executor, end))
        case .task(let body):
            return Task.immediate(executorPreference: executor) {
                do {
                    let response = try await body()
                    end { response }
                } catch {
                    end { throw error }
                }
            }
        }
    }

    /// Starts the operation and waits for its result. On the executor's event loop.
    func response(on executor: EventLoopExecutor) async throws -> Response {
        if case .task(let body) = kind { return try await body() }
        let started = Mutex<(any Cancellable)?>(nil)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let batch = executor.batch
                batch.run {
                    let work = start(in: batch, on: executor) {
                        continuation.resume(with: Result(catching: $0))
                    }
                    started.withLock { $0 = work }
                }
                if Task.isCancelled { started.withLock(\.self)?.cancel() }
            }
        } onCancel: {
            started.withLock(\.self)?.cancel()
        }
    }
}
