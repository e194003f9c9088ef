// What a client may send on one open stream: the rules for every Data frame of a call in flight.

internal import RPC

extension StreamInput {
    /// What to do with a Data frame whose header came.
    enum FrameAction: Equatable {
        /// The body is a message.
        case take
        /// There is no message in it.
        case skip
        /// The queue is full: read nothing, and ask again when there is room.
        case hold
        case reject(Rejection)
    }

    /// A call whose requests are a stream. An empty payload of the request that opened it is no message.
    init(queue: InboundQueue, opening payload: [UInt8], flags: FrameFlags) {
        self.init(
            queue: queue, first: payload.isEmpty ? nil : payload, isClosed: flags.contains(.remoteClosed))
    }

    /// A Data frame begins. Asking again after `hold` changes nothing.
    mutating func receivedHeader(_ header: FrameHeader, maximumBytes: Int) -> FrameAction {
        guard let queue else { return .reject(.dataForSingleRequest) }
        if isClosed { return .reject(.dataAfterEnd) }
        if header.has(.noData) {
            guard header.length == 0 else { return .reject(.dataWithoutData) }
            if header.has(.remoteClosed) { end() }
            return .skip
        }
        if header.length > maximumBytes {
            return .reject(.messageTooLong(length: header.length, limit: maximumBytes))
        }
        if queue.isFull { return .hold }
        if header.has(.remoteClosed) { close() }
        return .take
    }

    /// The body that was to be taken is here.
    func received(_ message: [UInt8], _ header: FrameHeader) {
        queue?.add(message)
        if header.has(.remoteClosed) { queue?.end() }
    }
}
