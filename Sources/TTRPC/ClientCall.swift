// One unary call of a client: started by the caller's task, ended on the event loop.

internal import NIOCore
internal import RPC

/// A call that waits for its response.
///
/// Unchecked: it is passed from the caller to the event loop under the lock of the outbox, which orders every access.
final class ClientCall: @unchecked Sendable {
    /// The payload of the response, or the failure.
    typealias Outcome = Result<[UInt8], Status>

    /// The deadline.
    let deadline: NIODeadline?
    /// Set once, when the request is added to the outbox.
    var streamID: UInt32 = 0
    /// Whether the request was sent, so that `streamID` is valid; for the event loop.
    var isSent = false
    /// The waiting task; taken by the first end of the call.
    private var continuation: UnsafeContinuation<Outcome, Never>?

    init(deadline: NIODeadline?) {
        self.deadline = deadline
    }

    /// Sets the waiting task; called once, before the call is submitted.
    func wait(_ continuation: UnsafeContinuation<Outcome, Never>) {
        self.continuation = continuation
    }

    /// Ends the call.
    func end(_ outcome: Outcome) {
        continuation?.resume(returning: outcome)
        continuation = nil
    }
}
