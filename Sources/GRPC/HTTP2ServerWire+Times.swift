// Ends streams whose peer takes too long: for a request, for making room for a response, or for what its own handler does not take.

internal import HTTP2
package import NIOCore
package import RPC

extension HTTP2ServerWire {
    package var isBusy: Bool { state.http.streamCount > 0 }

    package func checkTimes(_ connection: ServerConnection, now: NIODeadline) -> NIODeadline? {
        var next: NIODeadline?
        for slot in state.streams.indices {
            guard let end = state.streams[slot].endOfRequest else { continue }
            if end <= now {
                state.streams[slot].endOfRequest = nil
                if case .answering = state.streams[slot].phase {
                    free(slot, &connection.outgoing)
                    state.http.reset(slot, .cancel, to: &connection.outgoing)
                } else {
                    fail(slot, .deadlineExceeded, connection)
                }
            } else {
                next = min(next ?? end, end)
            }
        }
        let (stalled, nextStalled) = state.http.stalledStreams(after: unreadTime, now: now)
        for slot in stalled {
            let streamID = state.http.streamID(at: slot)
            free(slot, &connection.outgoing)
            state.http.reset(slot, .cancel, to: &connection.outgoing)
            connection.cancel(streamID)
        }
        if let nextStalled { next = min(next ?? nextStalled, nextStalled) }
        return next
    }
}
