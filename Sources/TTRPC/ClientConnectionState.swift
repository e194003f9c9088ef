// The rules of one client connection, without the connection: which answers are waited for, and what to make of
// what a server sends. Every event returns what is to be done.
//
// Answers to calls that are no longer waited for (deadline, cancellation) are a legal race and dropped. A server's
// mistake fails the call that it names; the other calls go on.

internal import NIOCore
internal import ProtobufC
internal import RPC

/// The state of one client connection.
struct ClientConnectionState: ~Copyable {
    /// What to do with a frame whose header came.
    enum HeaderAction {
        case readBody
        case skipBody
        /// End this call, and skip the body.
        case fail(ClientCall, Status)
        /// End this stream, and skip the body.
        case failStream(ClientStream, Status)
        /// The server has ended this stream.
        case endStream(ClientStream)
        /// The stream's queue is full: read nothing more, and ask again with this header when there is room.
        case hold
    }

    private var calls: [UInt32: ClientCall] = [:]
    private var streams: [UInt32: ClientStream] = [:]

    /// These requests are being sent.
    mutating func sent(_ newCalls: [ClientCall], _ newStreams: [ClientStream] = []) {
        for call in newCalls {
            call.isSent = true
            calls[call.streamID] = call
        }
        for stream in newStreams { streams[stream.streamID] = stream }
    }

    /// A frame begins.
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

    /// The body that `receivedHeader` wanted is here; nil if the call was cancelled meanwhile.
    mutating func receivedResponse(streamID: UInt32) -> ClientCall? {
        calls.removeValue(forKey: streamID)
    }

    /// The caller waits no longer; whether it still did.
    mutating func cancelled(_ call: ClientCall) -> Bool {
        // A call that is not sent yet is still used by its caller, who cancels again after that.
        guard call.isSent, calls[call.streamID] === call else { return false }
        calls[call.streamID] = nil
        return true
    }

    /// Takes out the calls whose deadline has come.
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

    /// Takes out all calls: the connection is gone.
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

    /// The body of a Data frame is here: the stream to add it to, nil if it was forgotten meanwhile. A message in the
    /// frame that also ends the stream is its last.
    mutating func receivedMessage(_ header: FrameHeader) -> (stream: ClientStream, isLast: Bool)? {
        guard let stream = streams[header.streamID] else { return nil }
        let isLast = header.has(.remoteClosed)
        if isLast { streams[header.streamID] = nil }
        return (stream, isLast)
    }

    /// The body of a Response is here, which ends a stream.
    mutating func receivedResponse(ending streamID: UInt32) -> ClientStream? {
        streams.removeValue(forKey: streamID)
    }

    /// The queue that a held frame waits for; nil if its stream is gone.
    func queue(of streamID: UInt32) -> InboundQueue? { streams[streamID]?.responses }

    /// Takes out the stream that has had a held frame wait for too long: the frame's own if its queue is to blame,
    /// or else the one that holds the most of what the connection may hold.
    mutating func takeSlowStream(holding streamID: UInt32) -> ClientStream? {
        let fullest = streams.max { $0.value.responses.byteCount < $1.value.responses.byteCount }
        let isToBlame = streams[streamID]?.responses.isFullByItself ?? false
        guard let slow = isToBlame ? streamID : fullest?.key else { return nil }
        return streams.removeValue(forKey: slow)
    }

    /// Nobody waits for this stream any more; whether somebody did.
    mutating func forgotten(_ stream: ClientStream) -> Bool {
        guard streams[stream.streamID] === stream else { return false }
        streams[stream.streamID] = nil
        return true
    }

    /// Takes out the streams whose deadline has come.
    mutating func takeExpiredStreams(now: NIODeadline) -> [ClientStream] {
        let expired = streams.values.filter { stream in stream.deadline.map { $0 <= now } ?? false }
        for stream in expired { streams[stream.streamID] = nil }
        return expired
    }
}
