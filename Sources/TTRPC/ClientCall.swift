// One call of a client: made by the caller's task, ended on the event loop.

internal import NIOCore
internal import RPC

/// A call that waits for its answer.
///
/// Unchecked: it goes from the caller to the event loop through the lock of the outbox, which orders every access.
final class ClientCall: @unchecked Sendable {
    /// The payload of the answer, or why there is none.
    typealias Outcome = Result<[UInt8], Status>

    /// When to stop waiting.
    let deadline: NIODeadline?
    /// Set once, when the request is added to the outbox.
    var streamID: UInt32 = 0
    /// Whether the request was sent, so that `streamID` is settled; for the event loop.
    var isSent = false
    /// Taken by whoever ends the call.
    private var continuation: UnsafeContinuation<Outcome, Never>?

    init(deadline: NIODeadline?) {
        self.deadline = deadline
    }

    /// To be called once, before the call is submitted.
    func wait(_ continuation: UnsafeContinuation<Outcome, Never>) {
        self.continuation = continuation
    }

    /// Ends the call.
    func end(_ outcome: Outcome) {
        continuation?.resume(returning: outcome)
        continuation = nil
    }
}
