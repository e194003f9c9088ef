// What the engine asks of a workload, and what it tells it. A workload makes requests and looks at answers; when they are
// sent and how long they take is the engine's part. `--call` is the plainest workload, the scenarios are the others.

internal import NIOCore

/// Makes the calls of a run. One exists for each event loop, which alone uses it.
protocol Workload: AnyObject {
    /// What is called, as reports show it: "BookingService/BookAppointment". A call's `operation` is an index of it.
    var operations: [String] { get }

    /// The next call; there is always one.
    func next() -> WorkloadCall

    /// Takes the end of a call and says whether it was to be expected: a taken slot in a race is no failure.
    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool
}

/// A call to be made.
struct WorkloadCall {
    /// An index of the workload's operations.
    var operation: Int
    /// The body of the request's frame: an encoded ttrpc.Request.
    var body: ByteBuffer
    /// The workload's own mark, by which it knows the call when it ends.
    var mark: UInt64
}

/// How a call ended.
enum CallEnding {
    /// With an answer: its code's number, 0 is OK, and the payload of one that is.
    case answered(code: Int, payload: ByteBufferView)
    /// Cut off: the connection ended, or the drain time was over.
    case unanswered
}
