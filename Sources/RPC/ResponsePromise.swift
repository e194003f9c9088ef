// The result of a call, from its handler to its connection.

internal import NIOCore
public import ProtobufC

/// Takes the result of a call. Used on the connection's event loop; operations capture it bound to that loop.
@usableFromInline struct ResponsePromise {
    private let connection: ServerConnection
    private let token: CallToken

    init(connection: ServerConnection, token: CallToken) {
        self.connection = connection
        self.token = token
    }

    /// Starts an operation, whose end is that of the call.
    @inlinable func start<Response>(_ operation: PendingOperation<Response>, in batch: ReadBatch) {
        switch operation.kind {
        case .callback(let start): started(start(batch, Completion(.call(forOperation()))))
        case .task(let body):
            let promise = forOperation()
            started(
                Task.immediate(executorPreference: promise.executor) {
                    do {
                        let response = try await body()
                        promise.onEventLoop.succeed(response)
                    } catch {
                        promise.onEventLoop.fail(error)
                    }
                })
        }
    }

    @usableFromInline func started(_ work: any Cancellable) { connection.started(token, work: work) }

    @usableFromInline func forOperation() -> OperationPromise { OperationPromise(self, connection.executor) }

    /// Ends the call with a response.
    @inlinable func succeed(_ response: some Message, behind head: ArraySlice<UInt8> = []) {
        response.withEncoded(behind: head) { succeed(encoded: $0) }
    }

    @usableFromInline func succeed(encoded response: EncodedMessage) {
        connection.handlerSucceeded(token, response)
    }

    /// Ends the call with an error.
    @usableFromInline func fail(_ error: any Error) {
        if error is Overloaded {
            connection.handlerRejected(token)
        } else {
            connection.handlerFailed(token, error)
        }
    }
}

/// The promise of a call that has an operation, which may end on another thread.
@usableFromInline struct OperationPromise: Sendable {
    private let promise: NIOLoopBound<ResponsePromise>
    @usableFromInline let executor: EventLoopExecutor

    fileprivate init(_ promise: ResponsePromise, _ executor: EventLoopExecutor) {
        self.promise = NIOLoopBound(promise, eventLoop: executor.eventLoop)
        self.executor = executor
    }

    /// The promise itself. On the event loop only.
    @usableFromInline var onEventLoop: ResponsePromise { promise.value }

    /// Runs the closure on the event loop, from any thread.
    @usableFromInline func run(
        deferringWakeUpTo wakeUps: (any WakeUpBatch)?, _ closure: @escaping @Sendable () -> Void
    ) {
        executor.run(deferringWakeUpTo: wakeUps, closure)
    }
}

/// A call that has failed, for what describes its failure.
public struct FailedCall {
    let connection: ServerConnection
    let token: CallToken

    /// The full name of its method, such as `grpc.health.v1.Health/Check`.
    public var method: String { connection.server.metrics.name(of: token.method) }

    /// The name of the call in the log.
    public var requestID: String { connection.requestID(token.number) }
}
