// One streaming call between its handler, which may run anywhere, and its connection, which lives on an event loop.
//
// A message that may go now is packed straight into the connection's buffer of answers, without a hop when the
// handler is on its event loop, where it is started and comes back to. A message that may not go yet keeps its
// sender waiting, in one line for all streams of the connection, so that each has its turn.

internal import NIOCore
internal import ProtobufC
internal import Synchronization

/// A streaming call, as its handler's side sees it.
///
/// The connection and the turn are used on the event loop only; this is why it is `@unchecked Sendable`.
final class ServerStream: @unchecked Sendable {
    let token: CallToken
    /// The messages that come; nil for a method with one request.
    let requests: InboundQueue?
    /// On the event loop only.
    var turn = SendingTurn()
    private let connection: ServerConnection
    /// Why the requests cannot be gone on with. It is the answer, whatever the handler makes of it.
    private let requestFailure = Mutex<Status?>(nil)

    init(connection: ServerConnection, token: CallToken, requests: InboundQueue?) {
        self.connection = connection
        self.token = token
        self.requests = requests
    }

    /// Where the handler's task is to run.
    var executor: EventLoopExecutor { connection.executor }

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
        if eventLoop.inEventLoop, try connection.sendNow(message, on: self) { return }
        let sender = WaitingSender(stream: self) { answers, streamID in
            answers.appendMessage(message, streamID: streamID)
        }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if eventLoop.inEventLoop {
                    connection.sendInTurn(sender, continuation)
                } else {
                    eventLoop.execute { self.connection.sendInTurn(sender, continuation) }
                }
                // A task that was cancelled before it stood in line has had its handler run too early.
                if Task.isCancelled { eventLoop.execute { sender.giveUp() } }
            }
        } onCancel: {
            eventLoop.execute { sender.giveUp() }
        }
    }

    // MARK: The end of the handler

    /// Runs a handler to its end, in a task that takes its share of the event loop.
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
        connection.handlerEndedStream(token)
    }

    /// The handler of a stream of requests returned this.
    func succeed(_ response: some Message) {
        executor.eventLoop.preconditionInEventLoop()
        if let failure = requestFailure.withLock({ $0 }) { return fail(failure) }
        requests?.abandon()
        response.withEncoded { connection.handlerSucceeded(token, $0) }
    }

    private func fail(_ error: any Error) {
        executor.eventLoop.preconditionInEventLoop()
        requests?.abandon()
        connection.handlerFailed(token, requestFailure.withLock { $0 } ?? error)
    }
}

/// What a stream has put into the connection's buffer since it was last handed to the channel.
struct SendingTurn {
    private var number: UInt64 = 0
    private var messages = 0
    private(set) var bytes = 0

    /// Whether one more message may be put there in this turn of the connection.
    mutating func hasRoom(in turn: UInt64, _ limits: StreamLimits) -> Bool {
        if turn != number { self = SendingTurn(number: turn) }
        return messages < limits.messages && bytes < limits.bytes
    }

    /// A message was put there.
    mutating func sent(_ byteCount: Int) {
        messages += 1
        bytes += byteCount
    }

    init() {}

    private init(number: UInt64) {
        self.number = number
    }
}

/// A message that may not go yet, with the task that waits for it. Made by that task and used on the event loop only;
/// this is why it is `@unchecked Sendable`.
final class WaitingSender: @unchecked Sendable {
    let stream: ServerStream
    private let append: (inout AnswerBuffer, UInt32) -> Int?
    private var continuation: UnsafeContinuation<Void, any Error>?

    init(stream: ServerStream, append: @escaping (inout AnswerBuffer, UInt32) -> Int?) {
        self.stream = stream
        self.append = append
    }

    /// To be called once, before anything else.
    func wait(_ continuation: UnsafeContinuation<Void, any Error>) {
        self.continuation = continuation
    }

    /// Whether the task still waits.
    var isWaiting: Bool { continuation != nil }

    /// Puts the message into the buffer and lets the task go on.
    func send(into answers: inout AnswerBuffer) {
        guard isWaiting else { return }
        if let byteCount = append(&answers, stream.token.streamID) {
            stream.turn.sent(byteCount)
            end(.success(()))
        } else {
            end(.failure(Status.messageTooLongForFrame))
        }
    }

    /// The call is over, or nobody waits any more.
    func giveUp() { end(.failure(CancellationError())) }

    private func end(_ result: Result<Void, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }
}

extension Status {
    static var messageTooLongForFrame: Status {
        Status(.resourceExhausted, "a message is too long for a frame of \(FrameHeader.maximumLength) bytes")
    }
}
