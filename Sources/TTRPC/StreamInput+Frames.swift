// The rules for Data frames on an open stream.

internal import RPC

extension StreamInput {
    /// The action for a Data frame whose header was read.
    enum FrameAction: Equatable {
        /// The body is a message.
        case take
        /// The frame contains no message.
        case skip
        /// The queue is full: stop reading, and pass the header again when there is room.
        case hold
        case reject(Rejection)
    }

    /// A call whose requests are a stream. An empty payload of the request that opened it is no message.
    init(queue: InboundQueue, opening payload: [UInt8], flags: FrameFlags) {
        self.init(
            queue: queue, first: payload.isEmpty ? nil : payload, isClosed: flags.contains(.remoteClosed))
    }

    /// Decides on a Data frame by its header. `hold` changes no state.
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

    /// The body of an accepted frame is complete.
    func received(_ message: [UInt8], _ header: FrameHeader) {
        queue?.add(message)
        if header.has(.remoteClosed) { queue?.end() }
    }
}
