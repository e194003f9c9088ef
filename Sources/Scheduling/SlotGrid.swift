// Appointments start at multiples of the slot length on the wall clock, counted from local midnight. The grid
// restarts at each midnight because the length need not divide a day. A clock change splits the day into segments
// of one offset, and the grid is evenly spaced within each, so neighbours are searched segment by segment.

/// The grid of appointment starts of one slot length.
public struct SlotGrid: Sendable, Hashable {
    /// The slot length in minutes, 5 to 240.
    public let slotMinutes: Int

    /// The default slot length in minutes.
    public static let defaultSlotMinutes = 30

    /// A grid of this slot length in minutes, where 0 means the default; nil outside 5 to 240.
    public init?(slotMinutes: Int64) {
        let minutes = slotMinutes == 0 ? Int64(SlotGrid.defaultSlotMinutes) : slotMinutes
        guard (5...240).contains(minutes) else { return nil }
        self.slotMinutes = Int(minutes)
    }

    /// The slot that begins at `start`; nil if `start` is off the grid or out of range.
    public func slot(startingAt start: Instant, in zone: TimeZoneRules) -> AppointmentSlot? {
        guard start.microsecondOfSecond == 0, let local = zone.localDateTime(at: start),
            Int64(local.secondOfDay) % slotSeconds == 0, let end = start.adding(seconds: slotSeconds)
        else { return nil }
        return AppointmentSlot(start: start, end: end)
    }

    /// The last grid start before an instant; nil outside the calendar.
    public func start(before moment: Instant, in zone: TimeZoneRules) -> Instant? {
        // Round down to the last whole second before the instant.
        var seconds = moment.secondsSinceEpoch
        if moment.microsecondOfSecond == 0 { seconds -= 1 }
        while true {
            let segment = zone.segment(at: seconds)
            guard let wall = wallClock(seconds, zone.offset(ofSegment: segment)) else { return nil }
            let candidate = seconds - Int64(wall.secondOfDay) % slotSeconds
            if zone.segment(at: candidate) == segment { return Instant(secondsSinceEpoch: candidate) }
            // The segment has no grid start before this second: continue in the previous segment.
            seconds = zone.transitions[segment - 1].secondsSinceEpoch - 1
        }
    }

    /// The first grid start after an instant; nil outside the calendar.
    public func start(after moment: Instant, in zone: TimeZoneRules) -> Instant? {
        var seconds = moment.secondsSinceEpoch + 1
        while true {
            let segment = zone.segment(at: seconds)
            guard let wall = wallClock(seconds, zone.offset(ofSegment: segment)) else { return nil }
            let sinceStart = Int64(wall.secondOfDay) % slotSeconds
            let untilNext = sinceStart == 0 ? 0 : slotSeconds - sinceStart
            let untilMidnight = Int64(86_400 - wall.secondOfDay)
            let candidate = seconds + min(untilNext, untilMidnight)
            if zone.segment(at: candidate) == segment { return Instant(secondsSinceEpoch: candidate) }
            // The clock changes before this candidate: continue from the change.
            seconds = zone.transitions[segment].secondsSinceEpoch
        }
    }

    /// Calls `body` with each slot that starts on a local day and lies within `open`, ordered by start, until
    /// `body` returns false.
    ///
    /// When the clock is set back, the repeated local times occur twice, once per segment.
    public func forEachSlot(
        of day: CivilDate, within open: Range<Instant>, in zone: TimeZoneRules,
        _ body: (AppointmentSlot) -> Bool
    ) {
        let first = open.lowerBound.secondsSinceEpoch + (open.lowerBound.microsecondOfSecond == 0 ? 0 : 1)
        let last = open.upperBound.secondsSinceEpoch
        guard first < last else { return }
        for segment in zone.segment(at: first)...zone.segment(at: last - 1) {
            // Midnight at this segment's offset, from which its grid is counted.
            let midnight = day.daysSinceEpoch * 86_400 - Int64(zone.offset(ofSegment: segment))
            let begins = segment == 0 ? first : zone.transitions[segment - 1].secondsSinceEpoch
            let ends = segment == zone.transitions.count ? last : zone.transitions[segment].secondsSinceEpoch
            let from = max(first, begins, midnight)
            let to = min(last - slotSeconds + 1, ends, midnight + 86_400)
            var start = midnight + (from - midnight + slotSeconds - 1) / slotSeconds * slotSeconds
            while start < to {
                guard let begin = Instant(secondsSinceEpoch: start),
                    let end = Instant(secondsSinceEpoch: start + slotSeconds),
                    body(AppointmentSlot(start: begin, end: end))
                else { return }
                start += slotSeconds
            }
        }
    }

    private var slotSeconds: Int64 { Int64(slotMinutes) * 60 }

    private func wallClock(_ seconds: Int64, _ offset: Int) -> LocalDateTime? {
        LocalDateTime(wallClockSeconds: seconds + Int64(offset))
    }
}

/// The time of one appointment, a half-open interval.
public struct AppointmentSlot: Sendable, Hashable {
    /// When it begins.
    public let start: Instant
    /// When it ends and the next may begin.
    public let end: Instant

    /// A slot from `start` up to `end`.
    public init(start: Instant, end: Instant) {
        self.start = start
        self.end = end
    }
}
