// The calls of one client connection, as a state machine: which responses are awaited, and how each frame of the server is handled.
// Every event returns an action.
//
// Responses to calls that have ended (deadline, cancellation) are a legal race and dropped. A mistake of the server fails the call
// that it names; the other calls continue.

internal import NIOCore
internal import ProtobufC
internal import RPC

/// The state of one client connection.
struct ClientConnectionState: ~Copyable {
    /// The action for a frame whose header was read.
    enum HeaderAction {
        case readBody
        case skipBody
        /// End this call, and skip the body.
        case fail(ClientCall, Status)
        /// End this stream, and skip the body.
        case failStream(ClientStream, Status)
        /// The server has ended this stream.
        case endStream(ClientStream)
        /// The stream's queue is full: stop reading, and pass the header again when there is room.
        case hold
    }

    private var calls: [UInt32: ClientCall] = [:]
    private var streams: [UInt32: ClientStream] = [:]

    /// Registers calls whose requests are being sent.
    mutating func sent(_ newCalls: [ClientCall], _ newStreams: [ClientStream] = []) {
        for call in newCalls {
            call.isSent = true
            calls[call.streamID] = call
        }
        for stream in newStreams { streams[stream.streamID] = stream }
    }

    /// Decides on a frame by its header.
    mutating func receivedHeader(_ header: FrameHeader) -> HeaderAction {
        guard let call = calls[header.streamID] else {
            return streams[header.streamID].map { receivedHeader(header, on: $0) } ?? .skipBody
        }
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

    /// The call of a complete Response; nil if it was cancelled meanwhile.
    mutating func receivedResponse(streamID: UInt32) -> ClientCall? {
        calls.removeValue(forKey: streamID)
    }

    /// Removes a cancelled call; returns whether it was in flight.
    mutating func cancelled(_ call: ClientCall) -> Bool {
        // An unsent call is in the outbox, and is cancelled again once it is sent.
        guard call.isSent, calls[call.streamID] === call else { return false }
        calls[call.streamID] = nil
        return true
    }

    /// Removes the calls past their deadline.
    mutating func takeExpiredCalls(now: NIODeadline) -> [ClientCall] {
        let expired = calls.values.filter { call in call.deadline.map { $0 <= now } ?? false }
        for call in expired { calls[call.streamID] = nil }
        return expired
    }

    /// The earliest deadline among the calls and the streams.
    var nextDeadline: NIODeadline? {
        [
            calls.values.lazy.compactMap(\.deadline).min(), streams.values.lazy.compactMap(\.deadline).min(),
        ].compactMap { $0 }.min()
    }

    /// Removes all calls, because the connection has ended.
    mutating func closed() -> (calls: [ClientCall], streams: [ClientStream]) {
        defer {
            calls = [:]
            streams = [:]
        }
        return (Array(calls.values), Array(streams.values))
    }

    // MARK: Streams

    private mutating func receivedHeader(_ header: FrameHeader, on stream: ClientStream) -> HeaderAction {
        let mistake: Status
        switch FrameType(rawValue: header.type) {
        case .response, .data:
            if header.length > FrameHeader.maximumLength {
                mistake = Status(.resourceExhausted, "the server sent a message of \(header.length) bytes")
            } else if header.type == FrameType.response.rawValue {
                return .readBody
            } else {
                return receivedData(header, on: stream)
            }
        case .request, nil:
            mistake = Status(.internal, "the server sent a frame of type \(header.type)")
        }
        streams[header.streamID] = nil
        return .failStream(stream, mistake)
    }

    private mutating func receivedData(_ header: FrameHeader, on stream: ClientStream) -> HeaderAction {
        guard stream.kind.streamsResponses else {
            streams[header.streamID] = nil
            return .failStream(
                stream, Status(.internal, "the server sent a data frame for a call with one response"))
        }
        guard header.has(.noData) else { return stream.responses.isFull ? .hold : .readBody }
        guard header.length == 0 else {
            streams[header.streamID] = nil
            return .failStream(
                stream, Status(.internal, "the server sent bytes in a frame that is to have none"))
        }
        guard header.has(.remoteClosed) else { return .skipBody }
        streams[header.streamID] = nil
        return .endStream(stream)
    }

    /// The stream of a complete Data frame; nil if it was released meanwhile. A frame that ends the stream may contain its last
    /// message.
    mutating func receivedMessage(_ header: FrameHeader) -> (stream: ClientStream, isLast: Bool)? {
        guard let stream = streams[header.streamID] else { return nil }
        let isLast = header.has(.remoteClosed)
        if isLast { streams[header.streamID] = nil }
        return (stream, isLast)
    }

    /// Removes the stream that a complete Response ends.
    mutating func receivedResponse(ending streamID: UInt32) -> ClientStream? {
        streams.removeValue(forKey: streamID)
    }

    /// The queue of a held frame; nil if its stream has ended.
    func queue(of streamID: UInt32) -> InboundQueue? { streams[streamID]?.responses }

    /// Removes the stream that makes a held frame wait for too long: the stream of the frame if its queue is full, otherwise the
    /// stream whose queue holds the most bytes.
    mutating func takeSlowStream(holding streamID: UInt32) -> ClientStream? {
        let fullest = streams.max { $0.value.responses.byteCount < $1.value.responses.byteCount }
        let isToBlame = streams[streamID]?.responses.isFullByItself ?? false
        guard let slow = isToBlame ? streamID : fullest?.key else { return nil }
        return streams.removeValue(forKey: slow)
    }

    /// Removes a cancelled stream; returns whether it was open.
    mutating func forgotten(_ stream: ClientStream) -> Bool {
        guard streams[stream.streamID] === stream else { return false }
        streams[stream.streamID] = nil
        return true
    }

    /// Removes the streams past their deadline.
    mutating func takeExpiredStreams(now: NIODeadline) -> [ClientStream] {
        let expired = streams.values.filter { stream in stream.deadline.map { $0 <= now } ?? false }
        for stream in expired { streams[stream.streamID] = nil }
        return expired
    }
}
