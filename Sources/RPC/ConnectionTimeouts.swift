// The timeouts of a connection: for completing a message, for reading responses, and for being idle. They are rules without a clock
// or a timer: every event is given the time, and the connection is told when to check again.
//
// A connection has one timer, which is never postponed: when it fires early it is set again. So the events of the hot path store a
// time and schedule nothing.

internal import NIOCore

/// An incomplete message of a wire, such as a frame.
package struct UnfinishedMessage: Equatable {
    /// Its number among the messages of the connection.
    package var number: UInt64
    /// Whether its header is complete and only bytes of its body are missing.
    package var hasHeader: Bool

    package init(number: UInt64, hasHeader: Bool) {
        self.number = number
        self.hasHeader = hasHeader
    }
}

/// The timeouts of one connection.
package struct ConnectionTimeouts: ~Copyable {
    /// The timeouts that a server is configured with.
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

    /// The result of a check.
    enum Verdict: Equatable {
        case lookAgain(at: NIODeadline)
        case timedOut(Timeout)
    }

    /// What the peer took too long for.
    enum Timeout: String {
        case header = "no whole header in time"
        case message = "no whole frame in time"
        case unread = "does not read its responses"
        case idle = "idle"
    }

    /// After how long a draining connection counts as idle. A client that keeps calling gets its next call rejected and can
    /// retry it elsewhere; on a closed connection it could not know whether its call had an effect. Calls after that one do
    /// not keep the connection open, so a client that retries on it is soon sent elsewhere.
    static let drainingIdleTime = TimeAmount.milliseconds(100)

    /// How long a message may take to arrive while the server shuts down. An incomplete message has had no effect.
    static let drainingMessageTime = TimeAmount.seconds(1)

    private let times: Times
    private var idleTime: TimeAmount
    private var lastSign: NIODeadline
    /// The incomplete message, and when it began.
    private var unfinished: (message: UnfinishedMessage, since: NIODeadline)?
    private var unreadSince: NIODeadline?
    private var hasEndedCall = false
    private var drainingSince: NIODeadline?
    /// Whether what is read no longer counts as a sign.
    private var ignoresReads = false

    init(times: Times, now: NIODeadline) {
        self.times = times
        idleTime = times.idle
        lastSign = now
    }

    /// A read was served; an incomplete message may be left. Returns a new time to check, if any.
    mutating func served(unfinished message: UnfinishedMessage?, at now: NIODeadline) -> NIODeadline? {
        if !ignoresReads {
            lastSign = now
            ignoresReads = drainingSince != nil
        }
        guard let message else {
            unfinished = nil
            return nil
        }
        unfinished = (message, unfinished?.message.number == message.number ? unfinished?.since ?? now : now)
        return nextLook
    }

    /// A call with a pending operation has ended. It is given no time, because that happens often: the next check counts it as now.
    mutating func callEnded() { hasEndedCall = true }

    /// Reading stopped because the peer left too many responses unread. Returns the time to check.
    mutating func stoppedReading(at now: NIODeadline) -> NIODeadline {
        if unreadSince == nil { unreadSince = now }
        return nextLook
    }

    /// Reading resumed. The time without reading does not count for an incomplete message.
    mutating func resumedReading(at now: NIODeadline) {
        unreadSince = nil
        unfinished = nil
        lastSign = now
    }

    /// The connection closes as soon as it is idle.
    mutating func beginDraining(at now: NIODeadline) {
        idleTime = min(idleTime, Self.drainingIdleTime)
        if drainingSince == nil { drainingSince = now }
    }

    /// Checks the timeouts. A connection with calls in flight is not idle.
    mutating func look(at now: NIODeadline, hasCalls: Bool) -> Verdict {
        if hasCalls || hasEndedCall { lastSign = now }
        hasEndedCall = false
        var next = nextLook
        // While calls are in flight, draining does not shorten the time for an incomplete message.
        if hasCalls, drainingSince != nil, next <= now, let end = endOfUnfinished {
            next = min(end, now + Self.drainingMessageTime)
        }
        return next > now ? .lookAgain(at: next) : .timedOut(timeout)
    }

    /// When the connection times out unless the peer does something before.
    var nextLook: NIODeadline {
        if let unreadSince { return unreadSince + times.unread }
        guard let unfinished, let end = endOfUnfinished else { return lastSign + idleTime }
        guard let drainingSince else { return end }
        return min(end, max(unfinished.since, drainingSince) + Self.drainingMessageTime)
    }

    /// When the incomplete message times out in a server that does not drain; nil without one.
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
