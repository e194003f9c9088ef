// The rules for a frame by its header, as a state machine: which ids may be used, which bodies are read. The calls in flight are in the
// connection's CallTable.

internal import NIOCore
internal import RPC

/// The rules for the frames of one server connection.
struct FrameRules: ~Copyable {
    /// The action for a frame whose header was read.
    enum HeaderAction: Equatable {
        case readBody
        case skipBody
        case reject(Rejection)
        /// The rejection is the response of this call, which is to be cancelled.
        case rejectAndCancel(Rejection, TakenCall)
        /// The stream's queue is full: stop reading, and pass the header again when there is room.
        case hold
        case close
    }

    private let maximumMessageBytes: Int
    private var highestStreamID: UInt32 = 0
    private var useless: UselessFrameCounter

    init(configuration: ServerConfiguration) {
        maximumMessageBytes = configuration.maximumRequestBytes
        useless = UselessFrameCounter(limit: configuration.maximumUselessFrames)
    }

    /// Decides on a frame by its header.
    mutating func receivedHeader(
        _ header: FrameHeader, calls: inout CallTable, now: NIODeadline
    ) -> HeaderAction {
        switch FrameType(rawValue: header.type) {
        case .request: receivedRequest(header, &calls)
        case .data: receivedData(header, &calls)
        case .response, nil: useless.count(at: now) ? .skipBody : .close
        }
    }

    private mutating func receivedRequest(_ header: FrameHeader, _ calls: inout CallTable) -> HeaderAction {
        guard header.streamID % 2 == 1 else { return .reject(.evenStreamID) }
        highestStreamID = max(highestStreamID, header.streamID)
        return switch calls.admit(header.streamID, length: header.length) {
        case .accept: .readBody
        case .reject(let rejection): .reject(rejection)
        case .rejectAndCancel(let rejection, let call): .rejectAndCancel(rejection, call)
        }
    }

    private func receivedData(_ header: FrameHeader, _ calls: inout CallTable) -> HeaderAction {
        let limit = maximumMessageBytes
        let action = calls.updateInput(of: header.streamID) { input in
            input.receivedHeader(header, maximumBytes: limit)
        }
        switch action {
        case .take: return .readBody
        case .skip: return .skipBody
        case .hold: return .hold
        case .reject(let rejection):
            guard let call = calls.takeCall(header.streamID) else { return .skipBody }
            return .rejectAndCancel(rejection, call)
        case nil: break
        }
        guard header.streamID % 2 == 1, header.streamID <= highestStreamID else {
            return .reject(.dataForUnopenedStream)
        }
        // The stream was answered while this frame was in transit.
        return .skipBody
    }
}

/// Counts frames of unknown types in windows of ten seconds. A few are extensions of the protocol; many are abuse.
struct UselessFrameCounter {
    private static let window = TimeAmount.seconds(10)
    private let limit: Int
    private var count = 0
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Counts a frame; returns whether it is within the limit.
    mutating func count(at now: NIODeadline) -> Bool {
        if now >= windowEnd {
            count = 0
            windowEnd = now + Self.window
        }
        count += 1
        return count <= limit
    }
}
