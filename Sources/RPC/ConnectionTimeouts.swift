// How long a connection waits for its peer: to complete a message, to read its responses, to send anything at all. The
// rules alone, without a clock or a timer: every event is told the time, and the connection asks when to look again.
//
// It costs a healthy peer nothing. A connection has one timer, which is never moved back: it fires, finds that there is
// more time, and is set again. So the events of the hot path store a time and schedule nothing.

internal import NIOCore

/// A message of a wire, such as a frame, that has begun and is not complete.
package struct UnfinishedMessage: Equatable {
    /// Its number, to tell it from the one before and the one behind it.
    package var number: UInt64
    /// Its header has come, and bytes of its body are missing.
    package var hasHeader: Bool

    package init(number: UInt64, hasHeader: Bool) {
        self.number = number
        self.hasHeader = hasHeader
    }
}

/// The timeouts of one connection.
package struct ConnectionTimeouts: ~Copyable {
    /// The times of a server.
    package struct Times: Sendable {
        var header: TimeAmount
        var message: TimeAmount
        var unread: TimeAmount
        var idle: TimeAmount

        init(_ configuration: ServerConfiguration) {
            header = TimeAmount(bounded: configuration.headerTime)
            message = TimeAmount(bounded: configuration.frameTime)
            unread = TimeAmount(bounded: configuration.unreadTime)
            idle = TimeAmount(bounded: configuration.idleTime)
        }
    }

    /// What is to be done when the time has come to look.
    enum Verdict: Equatable {
        case lookAgain(at: NIODeadline)
        case timedOut(Timeout)
    }

    /// What a peer has taken too long for.
    enum Timeout: String {
        case header = "no whole header in time"
        case message = "no whole frame in time"
        case unread = "does not read its responses"
        case idle = "idle"
    }

    /// After how long a draining connection is idle. A client that calls all the time gets its next call rejected, which
    /// it can repeat elsewhere; had it found the connection closed, it could not know what became of the call.
    static let drainingIdleTime = TimeAmount.milliseconds(100)

    /// How long a message may take in a server that shuts down. What has not come by then has had no effect.
    static let drainingMessageTime = TimeAmount.seconds(1)

    private let times: Times
    private var idleTime: TimeAmount
    private var lastSign: NIODeadline
    /// The message that has begun and is not complete, and since when.
    private var unfinished: (message: UnfinishedMessage, since: NIODeadline)?
    private var unreadSince: NIODeadline?
    private var hasEndedCall = false
    private var drainingSince: NIODeadline?

    init(times: Times, now: NIODeadline) {
        self.times = times
        idleTime = times.idle
        lastSign = now
    }

    /// A read has been served to its end; this much of a message is held. Returns a new time to look, if any.
    mutating func served(unfinished message: UnfinishedMessage?, at now: NIODeadline) -> NIODeadline? {
        lastSign = now
        guard let message else {
            unfinished = nil
            return nil
        }
        unfinished = (message, unfinished?.message.number == message.number ? unfinished?.since ?? now : now)
        return nextLook
    }

    /// A call that waited has ended. Not timed, since that happens often: the next look counts it as of now.
    mutating func callEnded() { hasEndedCall = true }

    /// The peer has left so many responses unread that nothing is read from it. Returns the time to look.
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
        // A peer that waits for responses has the time that a message always has.
        if hasCalls, drainingSince != nil, next <= now, let end = endOfUnfinished {
            next = min(end, now + Self.drainingMessageTime)
        }
        return next > now ? .lookAgain(at: next) : .timedOut(timeout)
    }

    /// When the peer's time is over unless it does something before.
    var nextLook: NIODeadline {
        if let unreadSince { return unreadSince + times.unread }
        guard let unfinished, let end = endOfUnfinished else { return lastSign + idleTime }
        guard let drainingSince else { return end }
        return min(end, max(unfinished.since, drainingSince) + Self.drainingMessageTime)
    }

    /// When the time of the incomplete message is over in a server that does not drain; nil without one.
    private var endOfUnfinished: NIODeadline? {
        guard let unfinished else { return nil }
        let end = unfinished.since + times.message
        return unfinished.message.hasHeader ? end : min(end, unfinished.since + times.header)
    }

    private var timeout: Timeout {
        if unreadSince != nil { return .unread }
        return unfinished.map { $0.message.hasHeader ? .message : .header } ?? .idle
    }
}
