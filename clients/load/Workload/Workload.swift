// The interface between the engine and a workload. A workload makes requests and evaluates responses; the engine
// sends and times them. `--call` is the simplest workload, scenarios are the others.

internal import NIOCore

/// Makes the calls of one event loop.
protocol Workload: AnyObject {
    /// The operation names shown in reports, such as "BookingService/BookAppointment". A call's `operation` is an
    /// index into it.
    var operations: [String] { get }

    /// Returns the next call.
    func next() -> WorkloadCall

    /// Handles the end of a call and returns whether the result is expected: a taken slot in a race is not an
    /// error.
    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool
}

/// A call to make.
struct WorkloadCall {
    /// The index into the workload's operations.
    var operation: Int
    /// The encoded ttrpc.Request.
    var body: ByteBuffer
    /// An identifier by which the workload recognises the call at its end.
    var mark: UInt64
}

/// The end of a call.
enum CallEnding {
    /// A response with its status code, where 0 is OK, and its payload.
    case answered(code: Int, payload: ByteBufferView)
    /// No response: the connection or the drain time ended.
    case unanswered
}
