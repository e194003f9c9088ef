// Which slots are free: the same rules as the decision about one start, turned round. The database says only what is
// busy; every slot that comes out of here is one that `decideAppointment` accepts.

/// What keeps a slot from being booked, from the farthest to the nearest to a free one: a search that finds nothing
/// tells the nearest that it met.
public enum SlotObstacle: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// In the past, or more than 30 × 24 hours ahead.
    case outOfWindow
    /// Outside the department's or the doctor's hours.
    case closed
    /// In the doctor's time off.
    case timeOff
    /// After the doctor's registration.
    case registrationExpired
    /// Taken.
    case full

    /// Farther before nearer.
    public static func < (left: SlotObstacle, right: SlotObstacle) -> Bool { left.rawValue < right.rawValue }
}

/// All that decides about a doctor's slots.
public struct DoctorCalendar: Sendable {
    /// The doctor's slot length.
    public var grid: SlotGrid
    /// The department's hours.
    public var hours: OpeningHours
    /// The doctor's own hours.
    public var weeklyHours: WeeklyHours
    /// The last day of the doctor's registration.
    public var registrationExpiry: CivilDate
    /// When the doctor is away, in any order, overlapping or not.
    public var timeOff: [Range<Instant>]
    /// When the doctor has patients, by start, none overlapping another.
    public var busy: [Range<Instant>]

    /// A doctor's calendar.
    public init(
        grid: SlotGrid, hours: OpeningHours, weeklyHours: WeeklyHours, registrationExpiry: CivilDate,
        timeOff: [Range<Instant>], busy: [Range<Instant>]
    ) {
        self.grid = grid
        self.hours = hours
        self.weeklyHours = weeklyHours
        self.registrationExpiry = registrationExpiry
        self.timeOff = timeOff
        self.busy = busy
    }
}

/// What a search for slots found.
public struct FreeSlots: Sendable, Hashable {
    /// The free slots by start, as many as were wanted.
    public var slots: [AppointmentSlot] = []
    /// There are more of them on these days.
    public var hasMore = false
    /// Why there is none; nil when there is one.
    public var obstacle: SlotObstacle?
}

/// A search for free slots on some days of the clinic's calendar.
public struct SlotSearch: Sendable {
    private let days: ClosedRange<CivilDate>
    private let now: Instant
    private let zone: TimeZoneRules
    /// From the first midnight to the last: what is busy outside of it does not matter.
    public let period: Range<Instant>

    /// How many days a search may span: the booking window and the day it begins in the middle of.
    public static let maximumDays: Int64 = 31

    /// A search over these days at `now`; nil for days in the wrong order, too many, or outside the calendar.
    public init?(from first: CivilDate, to last: CivilDate, now: Instant, zone: TimeZoneRules) {
        guard first <= last, last.daysSinceEpoch - first.daysSinceEpoch < SlotSearch.maximumDays,
            let begins = zone.moment(.midnight, on: first), let ends = zone.moment(.endOfDay, on: last),
            begins < ends
        else { return nil }
        days = first...last
        self.now = now
        self.zone = zone
        period = begins..<ends
    }

    /// The first `limit` free slots of a doctor.
    public func freeSlots(of doctor: DoctorCalendar, limit: Int) -> FreeSlots {
        var found = FreeSlots()
        var nearest = SlotObstacle.outOfWindow
        var away = Occupation(doctor.timeOff)
        var busy = Occupation(doctor.busy)
        var next: CivilDate? = days.lowerBound
        while let day = next, day <= days.upperBound {
            next = day.adding(days: 1)
            if isInWindow(day) { nearest = max(nearest, .closed) }
            let isRegistered = RegistrationExpiry.covers(day, expiry: doctor.registrationExpiry)
            for hours in doctor.weeklyHours.hours(on: day, within: doctor.hours) {
                guard let open = hours.period(on: day, in: zone) else { continue }
                doctor.grid.forEachSlot(of: day, within: open, in: zone) { slot in
                    guard BookingWindow.contains(slot.start, now: now) else { return true }
                    if away.overlaps(slot) {
                        nearest = max(nearest, .timeOff)
                    } else if !isRegistered {
                        nearest = max(nearest, .registrationExpired)
                    } else if busy.overlaps(slot) {
                        nearest = .full
                    } else if found.slots.count < limit {
                        found.slots.append(slot)
                    } else {
                        found.hasMore = true
                    }
                    return !found.hasMore
                }
                if found.hasMore { return found }
            }
        }
        if found.slots.isEmpty { found.obstacle = nearest }
        return found
    }

    /// Whether any of a day may be booked, as far as the window says.
    private func isInWindow(_ day: CivilDate) -> Bool {
        guard let begins = zone.moment(.midnight, on: day), let ends = zone.moment(.endOfDay, on: day),
            let limit = now.adding(microseconds: BookingWindow.lengthInMicroseconds)
        else { return false }
        return now < ends && begins <= limit
    }
}

/// Times that are taken, asked about by slots whose starts only ever grow: one pass over both.
private struct Occupation {
    private let periods: [Range<Instant>]
    private var index = 0

    /// Joins what overlaps, so that ends grow with starts.
    init(_ periods: [Range<Instant>]) {
        var joined: [Range<Instant>] = []
        joined.reserveCapacity(periods.count)
        for period in periods.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, period.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, period.upperBound)
            } else {
                joined.append(period)
            }
        }
        self.periods = joined
    }

    mutating func overlaps(_ slot: AppointmentSlot) -> Bool {
        while index < periods.count, periods[index].upperBound <= slot.start { index += 1 }
        return index < periods.count && periods[index].lowerBound < slot.end
    }
}
