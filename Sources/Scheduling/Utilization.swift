// How much of a clinic's time is offered and what became of it. Offered are the starts of the grid that fit into the
// hours of a day: on a day without a clock change or time off that is a division, on the others the day is walked.

extension SlotGrid {
    /// How many appointments fit one after the other into the hours of a local day, outside of the time off.
    public func appointmentCount(
        on day: CivilDate, hours: OpeningHours, away: [Range<Instant>] = [], in zone: TimeZoneRules
    ) -> Int64 {
        guard let open = hours.period(on: day, in: zone) else { return 0 }
        let away = away.filter { $0.overlaps(open) }
        let (first, end) = (open.lowerBound.secondsSinceEpoch, open.upperBound.secondsSinceEpoch)
        // Hours that begin or end in a time that the clock skips are shorter than they read.
        let isWhole = end - first == Int64(hours.closes.minutes - hours.opens.minutes) * 60
        if away.isEmpty, isWhole, zone.segment(at: first) == zone.segment(at: end - 1) {
            let first = (hours.opens.minutes + slotMinutes - 1) / slotMinutes
            return Int64(max(0, hours.closes.minutes / slotMinutes - first))
        }
        var count: Int64 = 0
        var free = open.lowerBound
        forEachSlot(of: day, within: open, in: zone) { slot in
            // A clock that is set back brings grid starts nearer to each other than a slot is long.
            if slot.start >= free, !away.contains(where: { $0.overlaps(slot.start..<slot.end) }) {
                count += 1
                free = slot.end
            }
            return true
        }
        return count
    }
}

/// When a doctor works, and in which steps.
public struct Timetable: Sendable, Hashable {
    private let grid: SlotGrid
    private let hours: OpeningHours
    private let weeklyHours: WeeklyHours

    /// The timetable of a grid, a department's hours and a doctor's week.
    public init(grid: SlotGrid, hours: OpeningHours, weeklyHours: WeeklyHours) {
        self.grid = grid
        self.hours = hours
        self.weeklyHours = weeklyHours
    }

    /// How many appointments are offered on a local day, outside of the time off.
    public func offered(on day: CivilDate, away: [Range<Instant>] = [], in zone: TimeZoneRules) -> Int64 {
        weeklyHours.hours(on: day, within: hours).reduce(0) { count, hours in
            count + grid.appointmentCount(on: day, hours: hours, away: away, in: zone)
        }
    }
}

/// What became of some appointments.
public struct AppointmentCounts: Sendable, Hashable {
    /// Booked and not cancelled, those attended and missed among them.
    public var booked: Int64
    /// The patient came.
    public var attended: Int64
    /// Cancelled.
    public var cancelled: Int64
    /// The patient did not come.
    public var missed: Int64

    /// These counts.
    public init(booked: Int64 = 0, attended: Int64 = 0, cancelled: Int64 = 0, missed: Int64 = 0) {
        self.booked = booked
        self.attended = attended
        self.cancelled = cancelled
        self.missed = missed
    }

    /// Those missed of all that were to be attended by now, in basis points, half up; 0 when there were none.
    public var noShowBasisPoints: Int64 { basisPoints(missed, of: attended + missed) }

    /// Those booked of all that were offered, in basis points, half up; 0 when none were.
    public func bookedBasisPoints(offered: Int64) -> Int64 { basisPoints(booked, of: offered) }

    /// The counts of both.
    public static func + (left: AppointmentCounts, right: AppointmentCounts) -> AppointmentCounts {
        AppointmentCounts(
            booked: left.booked + right.booked, attended: left.attended + right.attended,
            cancelled: left.cancelled + right.cancelled, missed: left.missed + right.missed)
    }
}

/// Counts of rows, whose products with 20 000 are far inside Int64.
private func basisPoints(_ part: Int64, of whole: Int64) -> Int64 {
    whole > 0 ? (part * 20_000 + whole) / (whole * 2) : 0
}

extension BookingStatus {
    /// Its slot was or will be used, or kept for nothing.
    public var countsAsBooked: Bool {
        switch self {
        case .booked, .confirmed, .arrived, .completed, .noShow: true
        case .held, .cancelled, .expired: false
        }
    }

    /// The patient came.
    public var countsAsAttended: Bool { self == .arrived || self == .completed }
}
