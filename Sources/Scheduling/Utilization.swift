// How much of a clinic's time is offered and what became of it. Offered are the starts of the grid that fit into the
// hours of a day: on a day without a clock change that is a division, on the two others the day is walked.

extension SlotGrid {
    /// How many appointments fit one after the other into the hours of a local day.
    public func appointmentCount(on day: CivilDate, hours: OpeningHours, in zone: TimeZoneRules) -> Int64 {
        guard let open = hours.period(on: day, in: zone) else { return 0 }
        let last = open.upperBound.secondsSinceEpoch - 1
        guard zone.segment(at: open.lowerBound.secondsSinceEpoch) != zone.segment(at: last) else {
            let first = (hours.opens.minutes + slotMinutes - 1) / slotMinutes
            return Int64(max(0, hours.closes.minutes / slotMinutes - first))
        }
        var count: Int64 = 0
        var free = open.lowerBound
        var before = open.lowerBound.adding(microseconds: -1)
        while let previous = before, let start = start(after: previous, in: zone),
            let slot = slot(startingAt: start, in: zone), slot.end <= open.upperBound
        {
            // A clock that is set back brings grid starts nearer to each other than a slot is long.
            if slot.start >= free {
                count += 1
                free = slot.end
            }
            before = start
        }
        return count
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
