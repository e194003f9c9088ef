// One streaming call between its handler, which may run anywhere, and its connection, which lives on an event loop.
//
// A message that may go now is packed straight into the connection's outgoing buffer, without a hop when the handler is
// on its event loop, where it starts and resumes. A message that may not go yet keeps its sender waiting, in one queue for
// all streams of the connection, so that each has its turn.

internal import NIOCore
internal import ProtobufC
internal import Synchronization

/// A streaming call, as its handler's side sees it.
final class ServerStream: Sendable {
    let token: CallToken
    /// The messages that come; nil for a method with one request.
    let requests: InboundQueue?
    let turn: NIOLoopBoundBox<SendingTurn>
    /// Where the handler's task is to run.
    let executor: EventLoopExecutor
    private let connection: NIOLoopBound<ServerConnection>
    /// Why no more requests can be read. The call fails with it, whatever the handler returns.
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
            // A task of the handler that is cancelled, perhaps by the handler, says nothing about the requests.
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

    /// Sends a message as soon as it may go.
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
                // The handler of a task that was cancelled before it waited has run too early.
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

    /// The handler of a stream of responses returned.
    func endResponses() {
        executor.eventLoop.preconditionInEventLoop()
        if let failure = requestFailure.withLock({ $0 }) { return fail(failure) }
        requests?.abandon()
        connection.value.handlerEndedStream(token)
    }

    /// The handler of a stream of requests returned this.
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

/// What a stream has put into the connection's buffer since it was last handed to the channel.
package struct SendingTurn {
    private var number: UInt64 = 0
    private var messages = 0
    package private(set) var bytes = 0

    /// Whether one more message may be put there in this turn of the connection.
    package mutating func hasRoom(in turn: UInt64, _ limits: StreamLimits) -> Bool {
        if turn != number { self = SendingTurn(number: turn) }
        return messages < limits.messages && bytes < limits.bytes
    }

    /// A message was put there.
    package mutating func sent(_ byteCount: Int) {
        messages += 1
        bytes += byteCount
    }

    package init() {}

    private init(number: UInt64) {
        self.number = number
    }
}

/// A message that may not go yet, with the task that waits for it.
final class WaitingSender: Sendable {
    typealias Write = @Sendable (any ServerWire, UInt32, inout ByteBuffer) -> Int?

    let stream: ServerStream
    private let write: Write
    private let continuation = Mutex<UnsafeContinuation<Void, any Error>?>(nil)

    init(stream: ServerStream, write: @escaping Write) {
        self.stream = stream
        self.write = write
    }

    /// To be called once, before anything else.
    func wait(_ continuation: UnsafeContinuation<Void, any Error>) {
        self.continuation.withLock { $0 = continuation }
    }

    /// Whether the task still waits.
    var isWaiting: Bool { continuation.withLock { $0 != nil } }

    /// Puts the message into the buffer and lets the task go on. On the event loop.
    func send(through wire: any ServerWire, into buffer: inout ByteBuffer) {
        guard isWaiting else { return }
        if let byteCount = write(wire, stream.token.streamID, &buffer) {
            stream.turn.value.sent(byteCount)
            end(.success(()))
        } else {
            end(.failure(Status.messageTooLong))
        }
    }

    /// The call is over, or nobody waits any more.
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
    /// Why a message of a stream cannot be sent.
    package static var messageTooLong: Status {
        Status(.resourceExhausted, "a message is too long for a frame of \(maximumMessageLength) bytes")
    }

    /// The longest message of a stream in bytes, on every wire (4 MiB).
    package static let maximumMessageLength = 4 << 20
}
