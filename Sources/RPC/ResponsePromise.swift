// The way back from a handler to its connection.

internal import NIOCore
public import ProtobufC

/// Where the result of a call goes. For the connection's event loop; operations take it with them bound to that loop.
@usableFromInline struct ResponsePromise {
    private let connection: ServerConnection
    private let token: CallToken

    init(connection: ServerConnection, token: CallToken) {
        self.connection = connection
        self.token = token
    }

    /// Starts an operation, whose end is that of the call. Returns what cancels it.
    @usableFromInline func start<Response>(
        _ operation: PendingOperation<Response>, in batch: ReadBatch
    ) -> any Cancellable {
        let executor = connection.executor
        let promise = NIOLoopBound(self, eventLoop: executor.eventLoop)
        return operation.start(in: batch, on: executor) { result in
            do {
                promise.value.succeed(try result())
            } catch {
                promise.value.fail(error)
            }
        }
    }

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
