// Where a doctor's appointments may start: at multiples of the slot length on the wall clock, counted from local
// midnight. The count begins again each midnight (a length need not divide a day), and a clock change cuts the day
// into stretches of one offset, in each of which the grid is evenly spaced. The neighbours of a start are therefore
// looked for stretch by stretch, and are right on the days of a change too.

/// The grid of appointment starts of one slot length.
public struct SlotGrid: Sendable, Hashable {
    /// 5 to 240.
    public let slotMinutes: Int

    /// The slot length a doctor has when none was given, in minutes.
    public static let defaultSlotMinutes = 30

    /// A grid of that many minutes, 0 meaning 30; nil outside 5 to 240.
    public init?(slotMinutes: Int64) {
        let minutes = slotMinutes == 0 ? Int64(SlotGrid.defaultSlotMinutes) : slotMinutes
        guard (5...240).contains(minutes) else { return nil }
        self.slotMinutes = Int(minutes)
    }

    /// The appointment that starts then; nil when the moment is off the grid or out of range.
    public func slot(startingAt start: Instant, in zone: TimeZoneRules) -> AppointmentSlot? {
        guard start.microsecondOfSecond == 0, let local = zone.localDateTime(at: start),
            Int64(local.secondOfDay) % slotSeconds == 0, let end = start.adding(seconds: slotSeconds)
        else { return nil }
        return AppointmentSlot(start: start, end: end)
    }

    /// The last grid start before a moment; nil outside the calendar.
    public func start(before moment: Instant, in zone: TimeZoneRules) -> Instant? {
        // The last whole second before the moment.
        var seconds = moment.secondsSinceEpoch
        if moment.microsecondOfSecond == 0 { seconds -= 1 }
        while true {
            let segment = zone.segment(at: seconds)
            guard let wall = wallClock(seconds, zone.offset(ofSegment: segment)) else { return nil }
            let candidate = seconds - Int64(wall.secondOfDay) % slotSeconds
            if zone.segment(at: candidate) == segment { return Instant(secondsSinceEpoch: candidate) }
            // The stretch began after the last grid start on its wall: go on in the stretch before it.
            seconds = zone.transitions[segment - 1].secondsSinceEpoch - 1
        }
    }

    /// The first grid start after a moment; nil outside the calendar.
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
            // The clock was changed before that start: look again from the change.
            seconds = zone.transitions[segment].secondsSinceEpoch
        }
    }

    /// Hands over, by start, the slots that start on a local day and lie inside a period of it, until `body` answers
    /// false.
    ///
    /// Where the clock is set back, the starts of the repeated stretch come twice, as they pass.
    public func forEachSlot(
        of day: CivilDate, within open: Range<Instant>, in zone: TimeZoneRules,
        _ body: (AppointmentSlot) -> Bool
    ) {
        let first = open.lowerBound.secondsSinceEpoch + (open.lowerBound.microsecondOfSecond == 0 ? 0 : 1)
        let last = open.upperBound.secondsSinceEpoch
        guard first < last else { return }
        for segment in zone.segment(at: first)...zone.segment(at: last - 1) {
            // Where the day would begin if this stretch's offset held all day: what its grid is counted from.
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

/// One appointment on the time line: the start belongs to it, the end does not.
public struct AppointmentSlot: Sendable, Hashable {
    /// When it begins.
    public let start: Instant
    /// When the next may begin.
    public let end: Instant

    /// The slot between two moments.
    public init(start: Instant, end: Instant) {
        self.start = start
        self.end = end
    }
}
