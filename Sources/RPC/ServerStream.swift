// One streaming call, between its handler, which may run on any thread, and its connection, which runs on an event loop.
//
// A message is encoded straight into the connection's outgoing buffer, without a hop if the handler is on its event loop, where it
// starts and resumes. While the buffer has no room the sender waits, in one queue for all streams of the connection, so that they
// send in turn.

internal import NIOCore
internal import ProtobufC
internal import Synchronization

/// A streaming call, as its handler uses it.
final class ServerStream: Sendable {
    let token: CallToken
    /// The queue of requests; nil for a method with one request.
    let requests: InboundQueue?
    let turn: NIOLoopBoundBox<SendingTurn>
    /// The executor of the handler's task.
    let executor: EventLoopExecutor
    private let connection: NIOLoopBound<ServerConnection>
    /// The failure of the request stream, which becomes the status of the call whatever the handler returns.
    private let requestFailure = Mutex<Status?>(nil)

    init(connection: ServerConnection, token: CallToken, requests: InboundQueue?) {
        executor = connection.executor
        turn = NIOLoopBoundBox(SendingTurn(), eventLoop: connection.executor.eventLoop)
        self.connection = NIOLoopBound(connection, eventLoop: connection.executor.eventLoop)
        self.token = token
        self.requests = requests
    }

    // MARK: For the handler

    /// Decodes the next request.
    func nextRequest<Request: Message>() async throws(Status) -> Request? {
        guard let requests else { return nil }
        let bytes: [UInt8]?
        do {
            bytes = try await requests.next()
        } catch {
            // A cancelled task, perhaps cancelled by the handler itself, does not mean that the requests failed.
            if !Task.isCancelled { requestFailure.withLock { $0 = error } }
            throw error
        }
        guard let bytes else { return nil }
        do {
            return try Request(decoding: bytes)
        } catch {
            let status = Status(
                .invalidArgument, "a message is not a \(Request.descriptor.name): \(error)")
            requestFailure.withLock { $0 = status }
            requests.abandon()
            throw status
        }
    }

    /// Sends a message as soon as possible.
    func send(_ message: some Message) async throws {
        let eventLoop = executor.eventLoop
        if eventLoop.inEventLoop, try connection.value.sendNow(message, on: self) { return }
        let sender = WaitingSender(stream: self) { wire, streamID, buffer in
            message.withEncoded { wire.writeMessage($0, streamID: streamID, to: &buffer) }
        }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if eventLoop.inEventLoop {
                    connection.value.sendInTurn(sender, continuation)
                } else {
                    eventLoop.execute { self.connection.value.sendInTurn(sender, continuation) }
                }
                // A task that was cancelled before it waited has run the cancellation handler already.
                if Task.isCancelled { eventLoop.execute { sender.cancel() } }
            }
        } onCancel: {
            eventLoop.execute { sender.cancel() }
        }
    }

    // MARK: The end of the handler

    /// Runs a handler in a task on the event loop.
    func run(_ handler: @escaping @Sendable (ServerStream) async throws -> Void) -> Task<Void, Never> {
        Task.immediate(executorPreference: executor) {
            await withTaskCancellationHandler {
                do {
                    try await handler(self)
                } catch {
                    self.fail(error)
                }
            } onCancel: {
                self.requests?.abandon()
            }
        }
    }

    /// Ends a call whose handler has sent its responses and returned.
    func endResponses() {
        executor.eventLoop.preconditionInEventLoop()
        if let failure = requestFailure.withLock({ $0 }) { return fail(failure) }
        requests?.abandon()
        connection.value.handlerEndedStream(token)
    }

    /// Ends a call of a stream of requests with this response.
    func succeed(_ response: some Message) {
        executor.eventLoop.preconditionInEventLoop()
        if let failure = requestFailure.withLock({ $0 }) { return fail(failure) }
        requests?.abandon()
        response.withEncoded { connection.value.handlerSucceeded(token, $0) }
    }

    private func fail(_ error: any Error) {
        executor.eventLoop.preconditionInEventLoop()
        requests?.abandon()
        connection.value.handlerFailed(token, requestFailure.withLock { $0 } ?? error)
    }
}

/// What a stream has appended to the outgoing buffer since the last write to the channel.
package struct SendingTurn {
    private var number: UInt64 = 0
    private var messages = 0
    package private(set) var bytes = 0

    /// Whether the stream may append another message before the next write.
    package mutating func hasRoom(in turn: UInt64, _ limits: StreamLimits) -> Bool {
        if turn != number { self = SendingTurn(number: turn) }
        return messages < limits.messages && bytes < limits.bytes
    }

    /// Counts an appended message.
    package mutating func sent(_ byteCount: Int) {
        messages += 1
        bytes += byteCount
    }

    package init() {}

    private init(number: UInt64) {
        self.number = number
    }
}

/// A message that cannot be sent yet, with the task that waits for it.
final class WaitingSender: Sendable {
    typealias Write = @Sendable (any ServerWire, UInt32, inout ByteBuffer) -> Int?

    let stream: ServerStream
    private let write: Write
    private let continuation = Mutex<UnsafeContinuation<Void, any Error>?>(nil)

    init(stream: ServerStream, write: @escaping Write) {
        self.stream = stream
        self.write = write
    }

    /// Sets the waiting task; called once, before anything else.
    func wait(_ continuation: UnsafeContinuation<Void, any Error>) {
        self.continuation.withLock { $0 = continuation }
    }

    /// Whether the task is still waiting.
    var isWaiting: Bool { continuation.withLock { $0 != nil } }

    /// Appends the message to the buffer and resumes the task. On the event loop.
    func send(through wire: any ServerWire, into buffer: inout ByteBuffer) {
        guard isWaiting else { return }
        if let byteCount = write(wire, stream.token.streamID, &buffer) {
            stream.turn.value.sent(byteCount)
            end(.success(()))
        } else {
            end(.failure(Status.messageTooLong))
        }
    }

    /// Resumes the task with an error, because the call has ended or the task was cancelled.
    func cancel() { end(.failure(CancellationError())) }

    private func end(_ result: Result<Void, any Error>) {
        let waiting = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume(with: result)
    }
}

extension Status {
    /// The error for a message of a stream that cannot be sent.
    package static var messageTooLong: Status {
        Status(.resourceExhausted, "a message is too long for a frame of \(maximumMessageLength) bytes")
    }

    /// The maximum length of a stream's message in bytes, on every wire (4 MiB).
    package static let maximumMessageLength = 4 << 20
}
