// What a client may send on one open stream, as rules without a connection: part of ServerConnectionState, which asks
// it about every Data frame for a call in flight.

/// The client's side of one call.
struct StreamInput {
    /// What to do with a Data frame whose header came.
    enum Action: Equatable {
        /// The body is a message.
        case take
        /// There is no message in it.
        case skip
        /// The queue is full: read nothing, and ask again when there is room.
        case hold
        case refuse(Refusal)
    }

    /// Where the messages go; nil for a method with one request.
    let queue: InboundQueue?
    /// Whether the client has said that it sends nothing more.
    private(set) var isClosed: Bool

    /// A call with one request.
    static var single: StreamInput { StreamInput(queue: nil, isClosed: true) }

    /// A call whose requests are a stream. An empty payload of the request that opened it is no message.
    init(queue: InboundQueue, opening payload: [UInt8], flags: FrameFlags) {
        self.queue = queue
        isClosed = flags.contains(.remoteClosed)
        if !payload.isEmpty { queue.add(payload) }
        if isClosed { queue.end() }
    }

    private init(queue: InboundQueue?, isClosed: Bool) {
        self.queue = queue
        self.isClosed = isClosed
    }

    /// A Data frame begins. Asking again after `hold` changes nothing.
    mutating func receivedHeader(_ header: FrameHeader, maximumBytes: Int) -> Action {
        guard let queue else { return .refuse(.dataForSingleRequest) }
        if isClosed { return .refuse(.dataAfterEnd) }
        if header.has(.noData) {
            guard header.length == 0 else { return .refuse(.dataWithoutData) }
            if header.has(.remoteClosed) {
                isClosed = true
                queue.end()
            }
            return .skip
        }
        if header.length > maximumBytes {
            return .refuse(.messageTooLong(length: header.length, limit: maximumBytes))
        }
        if queue.isFull { return .hold }
        if header.has(.remoteClosed) { isClosed = true }
        return .take
    }

    /// The body that was to be taken is here.
    func received(_ message: [UInt8], _ header: FrameHeader) {
        queue?.add(message)
        if header.has(.remoteClosed) { queue?.end() }
    }

    /// The connection's input has ended: a stream that the client had not closed is cut, not complete.
    mutating func inputClosed() {
        guard !isClosed else { return }
        isClosed = true
        queue?.end(.failure(Status(.cancelled, "the client's side was closed before the end of its stream")))
    }
}
