// Where requests gather between the tasks that make them and the event loop that sends them: already encoded, one
// behind the other, so that all requests of one turn of the loop leave in one write. Stream ids are given out
// under the same lock, hence in the order of the bytes, which the protocol's first implementation insists on.

internal import NIOCore
internal import ProtobufC
internal import Synchronization

/// The requests of a connection that are not sent yet.
final class ClientOutbox: Sendable {
    /// The most that stays allocated while nothing is sent.
    private static let retainedBytes = 8192

    private struct State {
        var buffer = ByteBuffer()
        var calls: [ClientCall] = []
        var nextStreamID: UInt32 = 1
        var isCollectionDue = false
        var failure: Status?
    }

    private let state = Mutex(State())

    /// Puts a request that fits into a frame in line; true if the event loop has to be told that there is something to collect.
    func add(_ call: ClientCall, _ request: EncodedMessage) throws(Status) -> Bool {
        let result = state.withLock { state -> Result<Bool, Status> in
            if let failure = state.failure { return .failure(failure) }
            call.streamID = state.nextStreamID
            // After 0xffffffff the ids begin anew, like those of the Go client.
            state.nextStreamID &+= 2
            state.calls.append(call)
            state.buffer.writeFrame(request, streamID: call.streamID, type: .request)
            defer { state.isCollectionDue = true }
            return .success(!state.isCollectionDue)
        }
        return try result.get()
    }

    /// Takes what is in line. The spare buffer holds what comes next.
    func collect(spare: ByteBuffer) -> (buffer: ByteBuffer, calls: [ClientCall]) {
        state.withLock { state in
            defer {
                state.buffer = spare
                state.calls = []
                state.isCollectionDue = false
            }
            return (state.buffer, state.calls)
        }
    }

    /// Refuses requests from now on; returns those in line, which will not be sent. The first reason counts.
    func fail(_ failure: Status) -> [ClientCall] {
        state.withLock { state in
            if state.failure == nil { state.failure = failure }
            defer {
                state.calls = []
                state.buffer = ByteBuffer()
            }
            return state.calls
        }
    }

    /// Why requests are refused.
    var failure: Status? { state.withLock { $0.failure } }

    /// A buffer that has been sent, emptied for the next requests.
    static func reclaimed(_ buffer: inout ByteBuffer) -> ByteBuffer {
        guard buffer.capacity <= retainedBytes else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }
}
