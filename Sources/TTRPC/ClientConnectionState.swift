// The rules of one client connection, without the connection: which answers are waited for, and what to make of
// what a server sends. Every event returns what is to be done.
//
// Answers to calls that are no longer waited for (deadline, cancellation) are a legal race and dropped. A server's
// mistake fails the call that it names; the other calls go on.

internal import NIOCore

/// The state of one client connection.
struct ClientConnectionState: ~Copyable {
    /// What to do with a frame whose header came.
    enum HeaderAction {
        case readBody
        case skipBody
        /// End this call, and skip the body.
        case fail(ClientCall, Status)
    }

    private var calls: [UInt32: ClientCall] = [:]

    /// These requests are being sent.
    mutating func sent(_ newCalls: [ClientCall]) {
        for call in newCalls { calls[call.streamID] = call }
    }

    /// A frame begins.
    mutating func receivedHeader(_ header: FrameHeader) -> HeaderAction {
        guard let call = calls[header.streamID] else { return .skipBody }
        let mistake: Status
        if header.type != FrameType.response.rawValue {
            mistake = Status(.internal, "the server sent a frame of type \(header.type) for a unary call")
        } else if header.length > FrameHeader.maximumLength {
            mistake = Status(.resourceExhausted, "the server sent a response of \(header.length) bytes")
        } else {
            return .readBody
        }
        calls[header.streamID] = nil
        return .fail(call, mistake)
    }

    /// The body that `receivedHeader` wanted is here; nil if the call was given up meanwhile.
    mutating func receivedResponse(streamID: UInt32) -> ClientCall? {
        calls.removeValue(forKey: streamID)
    }

    /// The caller waits no longer; whether it still did.
    mutating func givenUp(_ call: ClientCall) -> Bool {
        guard calls[call.streamID] === call else { return false }
        calls[call.streamID] = nil
        return true
    }

    /// Takes out the calls whose deadline has come.
    mutating func takeExpiredCalls(now: NIODeadline) -> [ClientCall] {
        let expired = calls.values.filter { call in call.deadline.map { $0 <= now } ?? false }
        for call in expired { calls[call.streamID] = nil }
        return expired
    }

    /// The earliest deadline among the calls.
    var nextDeadline: NIODeadline? { calls.values.lazy.compactMap(\.deadline).min() }

    /// Takes out all calls: the connection is gone.
    mutating func closed() -> [ClientCall] {
        defer { calls = [:] }
        return Array(calls.values)
    }
}
