// What a peer may do that is legal and useless. One budget covers every kind, since a peer that mixes kinds costs as much as one that
// repeats a single one. Pings have rules of their own, those of gRPC, because its clients send them to measure bandwidth.

internal import NIOCore

/// Counts useless frames in windows of ten seconds.
struct AbuseBudget {
    /// What a frame costs.
    enum Cost: Int {
        /// A stream that the peer has reset: callers cancel calls and their deadlines expire.
        case reset = 1
        /// Empty DATA, PRIORITY, unknown frames, settings, and frames that are errors of a stream.
        case useless = 5
    }

    private static let window = TimeAmount.seconds(10)
    /// Four WINDOW_UPDATE frames for each DATA frame, and for each response, are more than any client sends.
    private static let updatesPerFrame = 4
    private static let maximumUpdates = 10_000

    private let limit: Int
    private var spent = 0
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)
    private var windowUpdates = 100

    /// - Parameter uselessFrames: how many may come in ten seconds.
    init(uselessFrames: Int) {
        limit = max(uselessFrames, 0) * Cost.useless.rawValue
    }

    /// Counts a frame; returns whether the peer is within its budget.
    mutating func spend(_ cost: Cost, at now: NIODeadline) -> Bool {
        if now >= windowEnd {
            spent = 0
            windowEnd = now + Self.window
        }
        spent += cost.rawValue
        return spent <= limit
    }

    /// A WINDOW_UPDATE came; returns whether the peer is within its budget.
    mutating func receivedWindowUpdate(at now: NIODeadline) -> Bool {
        guard windowUpdates <= 0 else {
            windowUpdates -= 1
            return true
        }
        return spend(.useless, at: now)
    }

    /// A DATA frame or trailers were sent, which the peer may answer with window updates: gRPC's own library does so after
    /// calls that fail without a byte.
    @inline(__always)
    mutating func sentResponse() {
        windowUpdates = min(windowUpdates + Self.updatesPerFrame, Self.maximumUpdates)
    }
}

/// Counts pings that come too soon, as gRPC's servers do.
struct PingStrikes {
    /// The least time between pings while streams are open.
    static let intervalWithStreams = TimeAmount.seconds(10)
    /// The least time between pings without streams.
    static let intervalWithoutStreams = TimeAmount.minutes(1)
    /// The third ping that comes too soon ends the connection.
    static let maximumStrikes = 2

    private var last: NIODeadline?
    private var strikes = 0

    /// A ping came; returns whether the connection goes on.
    mutating func received(at now: NIODeadline, hasStreams: Bool) -> Bool {
        defer { last = now }
        let interval = hasStreams ? Self.intervalWithStreams : Self.intervalWithoutStreams
        guard let last, now < last + interval else { return true }
        strikes += 1
        return strikes <= Self.maximumStrikes
    }

    /// HEADERS or DATA were sent: a client measures its bandwidth by a ping after them.
    @inline(__always)
    mutating func clear() {
        strikes = 0
        last = nil
    }
}
