// One stream of a client: the caller's tasks open it and send on it, the event loop reads it.

internal import NIOCore
internal import ProtobufC
internal import RPC

/// A call with a stream of requests, of responses or of both.
///
/// Unchecked: the state of the outbox is used under its lock only.
final class ClientStream: @unchecked Sendable {
    let kind: MethodKind
    /// The deadline.
    let deadline: NIODeadline?
    /// The queue of the responses.
    let responses: InboundQueue

    /// Set once by the outbox, when the request is added.
    var streamID: UInt32 = 0
    /// For the outbox: the bytes and messages added since the last collection.
    var turn = SendingTurn()
    /// For the outbox: whether the caller has ended its messages.
    var hasClosedRequests = false
    /// For the outbox: whether the server has ended the call or the caller cancelled it.
    var isOver = false

    init(kind: MethodKind, deadline: NIODeadline?, responses: InboundQueue) {
        self.kind = kind
        self.deadline = deadline
        self.responses = responses
    }

    /// The flags of the request that opens such a call. With them an empty payload is no message: servers in Go know that from
    /// the method, those in Rust from the flag.
    var openingFlags: FrameFlags { kind.streamsRequests ? [.remoteOpen, .noData] : .remoteClosed }
}

/// A task that waits until its stream may send. Unchecked: it is used under the lock of the outbox only.
final class ClientSender: @unchecked Sendable {
    let stream: ClientStream
    var continuation: UnsafeContinuation<Void, Never>?

    init(stream: ClientStream) {
        self.stream = stream
    }

    func takeContinuation() -> UnsafeContinuation<Void, Never>? {
        defer { continuation = nil }
        return continuation
    }
}
