// A time zone as data: an initial offset and a list of transitions. The caller supplies the table, so that the
// rules stay pure and a test can define its own zone.
//
// PostgreSQL silently shifts a local time that a clock change skips; here the caller learns of it and can reject
// the time.

/// The instants that a local time denotes in a zone.
public enum LocalTimeResolution: Sendable, Hashable {
    /// The local time occurs once.
    case unique(Instant)
    /// The local time occurs twice, because the clock is set back in between.
    case ambiguous(earlier: Instant, later: Instant)
    /// The local time does not occur: the clock is set forward over it at `changeAt`.
    case skipped(changeAt: Instant)
}

/// Why a local time is not an instant.
public enum LocalTimeError: Error, Sendable, Hashable {
    /// The clock is set forward over this local time.
    case skipped(LocalDateTime)
}

/// One change of a zone's offset from UTC.
public struct TimeZoneTransition: Sendable, Hashable {
    /// The first second with the new offset, since the Unix epoch.
    public let secondsSinceEpoch: Int64
    /// Seconds east of UTC from then on.
    public let offset: Int

    /// A change to `offset` seconds east of UTC at this second.
    public init(secondsSinceEpoch: Int64, offset: Int) {
        self.secondsSinceEpoch = secondsSinceEpoch
        self.offset = offset
    }
}

/// The UTC offsets of one time zone; before and after the table the nearest offset applies.
public struct TimeZoneRules: Sendable, Hashable {
    /// The IANA name, such as `Australia/Sydney`.
    public let identifier: String
    /// Seconds east of UTC before the first transition.
    public let initialOffset: Int
    /// Changes of the offset, oldest first.
    public let transitions: [TimeZoneTransition]

    /// UTC.
    public static let utc = TimeZoneRules(unchecked: "UTC")

    /// A zone with these transitions; nil if they are out of order, exceed ± 1 day, or are outside the calendar.
    public init?(identifier: String, initialOffset: Int, transitions: [TimeZoneTransition]) {
        let calendar = Instant.calendarSeconds
        guard TimeZoneRules.offsetRange.contains(initialOffset),
            transitions.allSatisfy({
                TimeZoneRules.offsetRange.contains($0.offset) && calendar.contains($0.secondsSinceEpoch)
            }),
            zip(transitions, transitions.dropFirst()).allSatisfy({
                $0.secondsSinceEpoch < $1.secondsSinceEpoch
            })
        else { return nil }
        self.identifier = identifier
        self.initialOffset = initialOffset
        self.transitions = transitions
    }

    /// Seconds east of UTC at an instant.
    public func offset(at instant: Instant) -> Int {
        offset(ofSegment: segment(at: instant.secondsSinceEpoch))
    }

    /// The local time at an instant, to the second; nil outside the years 1 to 9999.
    public func localDateTime(at instant: Instant) -> LocalDateTime? {
        // An instant's seconds are below 2^43.2, so the sum cannot overflow.
        LocalDateTime(wallClockSeconds: instant.secondsSinceEpoch + Int64(offset(at: instant)))
    }

    /// Every instant at which the zone's clock shows this local time.
    public func resolve(_ local: LocalDateTime) -> LocalTimeResolution {
        let wall = local.wallClockSeconds
        // No offset exceeds a day, so the instant is within a day of the local time taken as UTC.
        let first = segment(at: wall - 86_400)
        let last = segment(at: wall + 86_400)
        var earlier: Instant?
        var gap = wall
        for index in first...last {
            let seconds = wall - Int64(offset(ofSegment: index))
            let begins = index == 0 ? Int64.min : transitions[index - 1].secondsSinceEpoch
            let ends = index == transitions.count ? Int64.max : transitions[index].secondsSinceEpoch
            // A skipped local time lies after the end of one segment, at that segment's offset, and before the
            // next.
            if seconds >= ends { gap = ends }
            guard seconds >= begins, seconds < ends, let instant = Instant(secondsSinceEpoch: seconds) else {
                continue
            }
            if let earlier { return .ambiguous(earlier: earlier, later: instant) }
            earlier = instant
        }
        if let earlier { return .unique(earlier) }
        return .skipped(changeAt: Instant(microsecondsSinceEpoch: gap &* 1_000_000))
    }

    /// The instant of a local time, the earlier of two; throws if a clock change skips the time.
    public func instant(of local: LocalDateTime) throws(LocalTimeError) -> Instant {
        switch resolve(local) {
        case .unique(let instant), .ambiguous(earlier: let instant, later: _): return instant
        case .skipped: throw .skipped(local)
        }
    }

    /// The instant of a time of day, 24:00 being the next midnight; the instant of the clock change if that skips
    /// the time. Nil outside the years 1 to 9999, of the zone and of UTC.
    public func moment(_ minute: MinuteOfDay, on day: CivilDate) -> Instant? {
        let isNextMidnight = minute == .endOfDay
        guard let date = isNextMidnight ? day.adding(days: 1) : day,
            let local = LocalDateTime(date: date, secondOfDay: isNextMidnight ? 0 : minute.minutes * 60)
        else { return nil }
        return first(at: local)
    }

    /// The instant this many days later at the same time of the zone's clock: the earlier of two, and the instant of the
    /// clock change if that skips the time. Nil outside the years 1 to 9999.
    public func instant(days: Int64, after instant: Instant) -> Instant? {
        guard let local = localDateTime(at: instant), let date = local.date.adding(days: days),
            let later = LocalDateTime(date: date, secondOfDay: local.secondOfDay)
        else { return nil }
        return first(at: later)?.adding(microseconds: instant.microsecondOfSecond)
    }

    private func first(at local: LocalDateTime) -> Instant? {
        let instant =
            switch resolve(local) {
            case .unique(let instant), .ambiguous(earlier: let instant, later: _): instant
            case .skipped(changeAt: let instant): instant
            }
        return Instant.calendarSeconds.contains(instant.secondsSinceEpoch) ? instant : nil
    }

    /// The index of the segment of one offset that contains a second: 0 before the first transition, n after the
    /// n-th.
    func segment(at seconds: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].secondsSinceEpoch <= seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func offset(ofSegment index: Int) -> Int {
        index == 0 ? initialOffset : transitions[index - 1].offset
    }

    private init(unchecked identifier: String) {
        self.identifier = identifier
        initialOffset = 0
        transitions = []
    }

    private static let offsetRange = -86_399...86_399
}
