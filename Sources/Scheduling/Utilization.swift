// Counts the appointments that a clinic offers and what became of them. The offer of a day is a division, except on
// days with a clock change or time off, where the slots are walked.

extension SlotGrid {
    /// How many appointments fit into the opening hours of a local day, one after another, outside the time off.
    public func appointmentCount(
        on day: CivilDate, hours: OpeningHours, away: [Range<Instant>] = [], in zone: TimeZoneRules
    ) -> Int64 {
        guard let open = hours.period(on: day, in: zone) else { return 0 }
        let away = away.filter { $0.overlaps(open) }
        let (first, end) = (open.lowerBound.secondsSinceEpoch, open.upperBound.secondsSinceEpoch)
        // Hours that begin or end at a skipped time are shorter than their difference.
        let isWhole = end - first == Int64(hours.closes.minutes - hours.opens.minutes) * 60
        if away.isEmpty, isWhole, zone.segment(at: first) == zone.segment(at: end - 1) {
            let first = (hours.opens.minutes + slotMinutes - 1) / slotMinutes
            return Int64(max(0, hours.closes.minutes / slotMinutes - first))
        }
        var count: Int64 = 0
        var free = open.lowerBound
        forEachSlot(of: day, within: open, in: zone) { slot in
            // When the clock is set back, grid starts can be closer than one slot.
            if slot.start >= free, !away.contains(where: { $0.overlaps(slot.start..<slot.end) }) {
                count += 1
                free = slot.end
            }
            return true
        }
        return count
    }
}

/// A doctor's working hours and slot length.
public struct Timetable: Sendable, Hashable {
    private let grid: SlotGrid
    private let hours: OpeningHours
    private let weeklyHours: WeeklyHours

    /// A timetable from a grid, a department's hours and a doctor's weekly hours.
    public init(grid: SlotGrid, hours: OpeningHours, weeklyHours: WeeklyHours) {
        self.grid = grid
        self.hours = hours
        self.weeklyHours = weeklyHours
    }

    /// How many appointments are offered on a local day outside the time off.
    public func offered(on day: CivilDate, away: [Range<Instant>] = [], in zone: TimeZoneRules) -> Int64 {
        weeklyHours.hours(on: day, within: hours).reduce(0) { count, hours in
            count + grid.appointmentCount(on: day, hours: hours, away: away, in: zone)
        }
    }
}

/// How many appointments were booked, attended, cancelled and missed.
public struct AppointmentCounts: Sendable, Hashable {
    /// Booked and not cancelled, including attended and missed.
    public var booked: Int64
    /// Attended.
    public var attended: Int64
    /// Cancelled.
    public var cancelled: Int64
    /// Missed by the patient.
    public var missed: Int64

    /// Makes counts; each is 0 by default.
    public init(booked: Int64 = 0, attended: Int64 = 0, cancelled: Int64 = 0, missed: Int64 = 0) {
        self.booked = booked
        self.attended = attended
        self.cancelled = cancelled
        self.missed = missed
    }

    /// Missed appointments as a share of attended and missed, in basis points rounded half up; 0 if there are none.
    public var noShowBasisPoints: Int64 { basisPoints(missed, of: attended + missed) }

    /// Booked appointments as a share of the offered, in basis points rounded half up; 0 if none are offered.
    public func bookedBasisPoints(offered: Int64) -> Int64 { basisPoints(booked, of: offered) }

    /// Adds the counts.
    public static func + (left: AppointmentCounts, right: AppointmentCounts) -> AppointmentCounts {
        AppointmentCounts(
            booked: left.booked + right.booked, attended: left.attended + right.attended,
            cancelled: left.cancelled + right.cancelled, missed: left.missed + right.missed)
    }
}

/// The counts are numbers of rows, so their products with 20 000 fit in an Int64.
private func basisPoints(_ part: Int64, of whole: Int64) -> Int64 {
    whole > 0 ? (part * 20_000 + whole) / (whole * 2) : 0
}

extension BookingStatus {
    /// Whether the booking counts as booked in reports, a missed one included.
    public var countsAsBooked: Bool {
        switch self {
        case .booked, .confirmed, .arrived, .completed, .noShow: true
        case .held, .cancelled, .expired: false
        }
    }

    /// Whether the booking counts as attended in reports.
    public var countsAsAttended: Bool { self == .arrived || self == .completed }
}
