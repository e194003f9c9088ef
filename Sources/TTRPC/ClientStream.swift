// One stream of a client: opened and written by the caller's tasks, read on the event loop.

internal import NIOCore
internal import ProtobufC
internal import RPC

/// A call with a stream of requests, of responses or of both.
///
/// Unchecked: what the outbox keeps here is used under its lock only.
final class ClientStream: @unchecked Sendable {
    let kind: MethodKind
    /// When to stop waiting.
    let deadline: NIODeadline?
    /// The responses that nobody has taken yet.
    let responses: InboundQueue

    /// Set once by the outbox, when the request is added.
    var streamID: UInt32 = 0
    /// For the outbox: what was added since it was last collected.
    var turn = SendingTurn()
    /// For the outbox: whether the caller sends nothing more.
    var hasClosedRequests = false
    /// For the outbox: whether the server has ended the call, or nobody waits for it.
    var isOver = false

    init(kind: MethodKind, deadline: NIODeadline?, responses: InboundQueue) {
        self.kind = kind
        self.deadline = deadline
        self.responses = responses
    }

    /// What a request that opens such a call says about those that follow. An empty payload is no message then, which
    /// Go's servers know from the method and Rust's from the flag.
    var openingFlags: FrameFlags { kind.streamsRequests ? [.remoteOpen, .noData] : .remoteClosed }
}

/// A task that waits until its stream may send again. Unchecked: it is used under the lock of the outbox only.
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
