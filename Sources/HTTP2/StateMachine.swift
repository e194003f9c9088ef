// The server's side of one HTTP/2 connection (RFC 9113), as a state machine without a channel. It is given whole frames, says what they
// mean for the layer above, and appends to a buffer what the protocol wants to have sent: acknowledgements, window updates, resets.
//
// An error of a stream ends that stream and is counted; an error of the connection is a GOAWAY with the last stream that was accepted,
// after which nothing more is to be read. StateMachine+Requests has the frames of requests, StateMachine+Control the others,
// StateMachine+Sending the responses.

package import HTTP
package import NIOCore

/// What a frame means for the layer above.
package enum HTTP2Event {
    /// Nothing: the protocol itself has done what is needed.
    case none
    /// A request begins, in this slot. If `isLast`, it has no body.
    case request(slot: Int, HTTPRequestHead, isLast: Bool)
    /// These bytes of the frame's payload belong to the body. If `isLast`, the body ends with them.
    case data(slot: Int, Range<Int>, isLast: Bool)
    /// The body has ended with trailers.
    case endOfRequest(slot: Int)
    /// The stream is over before its response, by the peer's wish or by its fault; its slot is free.
    case cancelled(slot: Int, streamID: UInt32)
    /// More may be sent.
    case windowGrew
    /// The peer has seen the announcement of the end.
    case drainSeen
    /// GOAWAY was appended; the connection is to be closed behind it.
    case connectionError(HTTP2ErrorCode, String)
}

/// The state of one connection.
package struct HTTP2StateMachine {
    /// What a server allows.
    package struct Limits: Sendable {
        /// The streams that may be open.
        package var streams: Int
        /// The useless frames in ten seconds.
        package var uselessFrames: Int

        package init(streams: Int, uselessFrames: Int) {
            self.streams = streams
            self.uselessFrames = uselessFrames
        }
    }

    /// A header block whose END_HEADERS has not come.
    struct OpenBlock {
        let streamID: UInt32
        let endsStream: Bool
        let dependsOnItself: Bool
        var bytes: [UInt8]
        var continuations = 0
    }

    /// The data of the PING that follows the announcement of the end.
    static let drainPing: UInt64 = 0x636c_696e_6963_2e31

    let limits: Limits
    var table = StreamTable()
    var decoder = HeaderDecoder()
    var budget: AbuseBudget
    var strikes = PingStrikes()
    var block: OpenBlock?
    /// The number of header blocks that have begun.
    package internal(set) var headerBlockCount: UInt64 = 0
    /// The highest stream that the client has opened.
    package internal(set) var lastStreamID: UInt32 = 0
    var hasSettings = false
    package internal(set) var sendWindow = SendWindow(HTTP2Limits.defaultWindow)
    package internal(set) var receiveWindow = ReceiveWindow(size: HTTP2Limits.connectionWindow)
    /// The window of new streams, as the peer has set it.
    var initialSendWindow = HTTP2Limits.defaultWindow
    /// The longest header list that the peer takes, in bytes.
    package internal(set) var maximumSentHeaderListBytes = Int.max
    /// Whether the next header block has to say that no dynamic table is used.
    var mustEndTable = false
    /// The bytes that wait for windows, of all streams.
    package internal(set) var waitingBytes = 0
    /// Streams that are opened later are ignored: the peer was told the true last stream.
    var lastAcceptedStreamID: UInt32?
    /// The slot that is served first when the connection's window grows.
    var nextServedSlot = 0

    package init(limits: Limits) {
        self.limits = limits
        budget = AbuseBudget(uselessFrames: limits.uselessFrames)
    }

    /// The open streams.
    package var streamCount: Int { table.count }
    /// Whether a header block has begun and not ended.
    package var isInsideHeaderBlock: Bool { block != nil }
    /// Whether the peer was told the true last stream, so that the connection can end.
    package var isDrained: Bool { lastAcceptedStreamID != nil }

    /// The slot of an open stream; nil for any other.
    @inline(__always)
    package func slot(of streamID: UInt32) -> Int? { table.slot(of: streamID) }

    /// The stream in a slot; 0 for a free one.
    package func streamID(at slot: Int) -> UInt32 { table.id(at: slot) }

    /// Appends what a server sends first: its settings, and the window of the connection.
    package func writePreface(to buffer: inout ByteBuffer) {
        let settings: [(HTTP2Setting, Int)] = [
            (.maximumConcurrentStreams, limits.streams),
            (.initialWindowSize, HTTP2Limits.streamWindow),
            (.maximumHeaderListSize, HTTP2Limits.headerListBytes),
        ]
        buffer.writeFrameHeader(HTTP2FrameHeader(length: settings.count * 6, type: .settings, streamID: 0))
        for (setting, value) in settings {
            buffer.writeInteger(setting.rawValue)
            buffer.writeInteger(UInt32(truncatingIfNeeded: value))
        }
        buffer.writeWindowUpdate(0, HTTP2Limits.connectionWindow - HTTP2Limits.defaultWindow)
    }

    /// Takes one whole frame.
    ///
    /// - Parameter busyHandlers: the handlers that run, also those whose stream is over: they count as open streams.
    package mutating func receive(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, busyHandlers: Int, now: NIODeadline,
        answers: inout ByteBuffer
    ) -> HTTP2Event {
        let type = HTTP2FrameType(rawValue: header.type)
        if let block, type != .continuation || header.streamID != block.streamID {
            return fail(.protocolError, "a header block is not complete", &answers)
        }
        guard hasSettings || type == .settings else {
            return fail(.protocolError, "the first frame is not SETTINGS", &answers)
        }
        switch type {
        case .data: return receiveData(header, payload, now: now, &answers)
        case .headers: return receiveHeaders(header, payload, busyHandlers, now: now, &answers)
        case .continuation: return receiveContinuation(header, payload, busyHandlers, now: now, &answers)
        case .resetStream: return receiveReset(header, payload, now: now, &answers)
        case .windowUpdate: return receiveWindowUpdate(header, payload, now: now, &answers)
        case .settings: return receiveSettings(header, payload, now: now, &answers)
        case .ping: return receivePing(header, payload, now: now, &answers)
        case .priority: return receivePriority(header, payload, now: now, &answers)
        case .goAway:
            guard header.streamID == 0 else { return fail(.protocolError, "GOAWAY on a stream", &answers) }
            guard payload.count >= 8 else { return fail(.frameSizeError, "a short GOAWAY", &answers) }
            return spend(.useless, now, &answers)
        case .pushPromise: return fail(.protocolError, "PUSH_PROMISE of a client", &answers)
        case nil: return spend(.useless, now, &answers)
        }
    }

    /// A frame is longer than announced.
    package mutating func receiveTooLong(
        _ header: HTTP2FrameHeader, answers: inout ByteBuffer
    ) -> HTTP2Event {
        fail(.frameSizeError, "a frame of \(header.length) bytes", &answers)
    }

    // MARK: Errors

    /// Ends the connection with an error.
    mutating func fail(_ code: HTTP2ErrorCode, _ cause: String, _ answers: inout ByteBuffer) -> HTTP2Event {
        answers.writeGoAway(lastStreamID: lastStreamID, code, debug: cause)
        lastAcceptedStreamID = lastStreamID
        block = nil
        return .connectionError(code, cause)
    }

    /// Counts a frame that is useless.
    mutating func spend(
        _ cost: AbuseBudget.Cost, _ now: NIODeadline, _ answers: inout ByteBuffer,
        otherwise event: HTTP2Event = .none
    ) -> HTTP2Event {
        guard budget.spend(cost, at: now) else {
            return fail(.enhanceYourCalm, "too many frames of no use", &answers)
        }
        return event
    }

    /// Ends a stream with an error of the peer's, open or not.
    mutating func failStream(
        _ streamID: UInt32, _ code: HTTP2ErrorCode, _ now: NIODeadline, _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        answers.writeReset(streamID, code)
        guard let slot = table.slot(of: streamID) else {
            if table.howClosed(streamID) == nil { table.remember(streamID, .resetHere) }
            return spend(.useless, now, &answers)
        }
        close(slot, .resetHere)
        return spend(.useless, now, &answers, otherwise: .cancelled(slot: slot, streamID: streamID))
    }

    /// Closes a stream, and drops what waits on it.
    mutating func close(_ slot: Int, _ how: ClosedStream) {
        if let outbox = table[slot]?.outbox { waitingBytes -= outbox.bytes.readableBytes }
        table.close(slot, how)
    }

    /// Whether no frame may come on a stream yet.
    func isIdle(_ streamID: UInt32) -> Bool {
        streamID % 2 == 0 || (streamID > lastStreamID && lastAcceptedStreamID == nil)
    }

    // MARK: The end

    /// Appends the announcement of the end: streams that are on their way are still accepted.
    package func announceDrain(to buffer: inout ByteBuffer) {
        buffer.writeGoAway(lastStreamID: HTTP2Limits.largestStreamID, .noError)
        buffer.writePing(Self.drainPing, isAcknowledgement: false)
    }

    /// Appends the true last stream, once; later streams are ignored.
    package mutating func endDrain(to buffer: inout ByteBuffer) {
        guard lastAcceptedStreamID == nil else { return }
        lastAcceptedStreamID = lastStreamID
        buffer.writeGoAway(lastStreamID: lastStreamID, .noError)
    }
}
