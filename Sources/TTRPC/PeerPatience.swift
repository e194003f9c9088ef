// How long a connection waits for its peer: to finish a frame, to take its answers, to say anything at all. The rules
// alone, without a clock or a timer: every event is told the time, and the connection asks when to look again.
//
// It is made to cost a healthy peer nothing. A connection has one timer, which is never moved back: it fires, finds
// that there is more time, and is set again. So the events of the hot path write down a time and schedule nothing,
// and what a peer does by the thousand costs one look in seconds.

internal import NIOCore

/// The patience with one peer.
struct PeerPatience: ~Copyable {
    /// The times of a server.
    struct Times: Sendable {
        var header: TimeAmount
        var frame: TimeAmount
        var unread: TimeAmount
        var idle: TimeAmount

        init(_ configuration: ServerConfiguration) {
            header = TimeAmount(bounded: configuration.headerTime)
            frame = TimeAmount(bounded: configuration.frameTime)
            unread = TimeAmount(bounded: configuration.unreadTime)
            idle = TimeAmount(bounded: configuration.idleTime)
        }
    }

    /// What is to be done when the time has come to look.
    enum Verdict: Equatable {
        case lookAgain(at: NIODeadline)
        case giveUp(Impatience)
    }

    /// What a peer has taken too long for.
    enum Impatience: String {
        case header = "no whole header in time"
        case frame = "no whole frame in time"
        case unread = "does not read its answers"
        case idle = "idle"
    }

    /// When a draining connection is idle. A client that calls all the time gets its next call refused, which it can
    /// repeat elsewhere; had it found the connection closed, it could not know what became of the call.
    static let drainingIdleTime = TimeAmount.milliseconds(100)

    /// How long a frame may take in a server that goes down. What has not come by then has had no effect.
    static let drainingFrameTime = TimeAmount.seconds(1)

    private let times: Times
    private var idleTime: TimeAmount
    private var lastSign: NIODeadline
    /// The frame that has begun and is not complete, and since when.
    private var unfinished: (frame: FrameDecoder.Unfinished, since: NIODeadline)?
    private var unreadSince: NIODeadline?
    private var hasEndedCall = false
    private var drainingSince: NIODeadline?

    init(times: Times, now: NIODeadline) {
        self.times = times
        idleTime = times.idle
        lastSign = now
    }

    /// A read has been served to its end; the decoder holds this of a frame. Returns a new time to look, if any.
    mutating func served(unfinished frame: FrameDecoder.Unfinished?, at now: NIODeadline) -> NIODeadline? {
        lastSign = now
        guard let frame else {
            unfinished = nil
            return nil
        }
        unfinished = (frame, unfinished?.frame.number == frame.number ? unfinished?.since ?? now : now)
        return nextLook
    }

    /// A call that waited has ended. Not timed, since that happens often and at any moment: the next look takes it for
    /// one of now.
    mutating func callEnded() { hasEndedCall = true }

    /// The peer has left so many answers unread that nothing is read from it. Returns the time to look.
    mutating func stoppedReading(at now: NIODeadline) -> NIODeadline {
        if unreadSince == nil { unreadSince = now }
        return nextLook
    }

    /// The peer has read. What it could not send meanwhile is not held against it.
    mutating func resumedReading(at now: NIODeadline) {
        unreadSince = nil
        unfinished = nil
        lastSign = now
    }

    /// The connection shall go as soon as it is not used.
    mutating func beginDraining(at now: NIODeadline) {
        idleTime = min(idleTime, Self.drainingIdleTime)
        if drainingSince == nil { drainingSince = now }
    }

    /// The time has come to look. A connection with calls in flight is not idle.
    mutating func look(at now: NIODeadline, hasCalls: Bool) -> Verdict {
        if hasCalls || hasEndedCall { lastSign = now }
        hasEndedCall = false
        var next = nextLook
        // Who waits for answers has the time that a frame always has.
        if hasCalls, drainingSince != nil, next <= now, let end = endOfUnfinished {
            next = min(end, now + Self.drainingFrameTime)
        }
        return next > now ? .lookAgain(at: next) : .giveUp(impatience)
    }

    /// When the peer's time is over as things are.
    var nextLook: NIODeadline {
        if let unreadSince { return unreadSince + times.unread }
        guard let unfinished, let end = endOfUnfinished else { return lastSign + idleTime }
        guard let drainingSince else { return end }
        return min(end, max(unfinished.since, drainingSince) + Self.drainingFrameTime)
    }

    /// When the time of the frame that is not complete is over in a server that stays; nil without one.
    private var endOfUnfinished: NIODeadline? {
        guard let unfinished else { return nil }
        let end = unfinished.since + times.frame
        return unfinished.frame.hasHeader ? end : min(end, unfinished.since + times.header)
    }

    private var impatience: Impatience {
        if unreadSince != nil { return .unread }
        return unfinished.map { $0.frame.hasHeader ? .frame : .header } ?? .idle
    }
}
