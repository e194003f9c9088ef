// Finds free slots by the rules of `decideAppointment`, which accepts every slot that a search returns. The
// database only supplies the busy periods.

/// Why a slot cannot be booked, ordered from the rule checked first to the one checked last. A search without a
/// result reports the greatest value it met, which is the nearest to a free slot.
public enum SlotObstacle: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// The start is in the past or more than 30 × 24 hours ahead.
    case outOfWindow
    /// Outside the department's or the doctor's hours.
    case closed
    /// During the doctor's time off.
    case timeOff
    /// After the doctor's registration expires.
    case registrationExpired
    /// Already booked or held.
    case full

    /// Orders by how near the slot is to being free.
    public static func < (left: SlotObstacle, right: SlotObstacle) -> Bool { left.rawValue < right.rawValue }
}

/// The data that determines a doctor's free slots.
public struct DoctorCalendar: Sendable {
    /// The doctor's slot length.
    public var grid: SlotGrid
    /// The department's hours.
    public var hours: OpeningHours
    /// The doctor's own hours.
    public var weeklyHours: WeeklyHours
    /// The last day of the doctor's registration.
    public var registrationExpiry: CivilDate
    /// The doctor's absences, in any order; they may overlap.
    public var timeOff: [Range<Instant>]
    /// The doctor's booked and held periods, ordered by start, not overlapping.
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

/// The result of a slot search.
public struct FreeSlots: Sendable, Hashable {
    /// The free slots ordered by start, at most the limit.
    public var slots: [AppointmentSlot] = []
    /// Whether the searched days have more free slots than the limit.
    public var hasMore = false
    /// Why no slot is free; nil if one is.
    public var obstacle: SlotObstacle?
}

/// A search for free slots on some days of the clinic's calendar.
public struct SlotSearch: Sendable {
    /// A day of the search, and whether the booking window includes any part of it: the same for all doctors.
    private struct Day {
        let date: CivilDate
        let isInWindow: Bool
    }

    private let days: [Day]
    private let now: Instant
    private let zone: TimeZoneRules
    /// From the first midnight to the last; busy periods outside do not matter.
    public let period: Range<Instant>

    /// The most days one search may cover: the 30 days of the booking window touch 31 calendar days.
    public static let maximumDays: Int64 = 31

    /// A search over these days; nil if their order is wrong, they are too many, or they are outside the calendar.
    public init?(from first: CivilDate, to last: CivilDate, now: Instant, zone: TimeZoneRules) {
        guard first <= last, last.daysSinceEpoch - first.daysSinceEpoch < SlotSearch.maximumDays,
            let begins = zone.moment(.midnight, on: first), let ends = zone.moment(.endOfDay, on: last),
            begins < ends
        else { return nil }
        let windowEnds = now.adding(microseconds: BookingWindow.lengthInMicroseconds)
        days = (0...last.daysSinceEpoch - first.daysSinceEpoch).compactMap { number in
            guard let date = first.adding(days: number) else { return nil }
            guard let begins = zone.moment(.midnight, on: date), let ends = zone.moment(.endOfDay, on: date),
                let windowEnds
            else { return Day(date: date, isInWindow: false) }
            return Day(date: date, isInWindow: now < ends && begins <= windowEnds)
        }
        self.now = now
        self.zone = zone
        period = begins..<ends
    }

    /// The first `limit` free slots of a doctor, and whether there are more.
    public func freeSlots(of doctor: DoctorCalendar, limit: Int) -> FreeSlots {
        var found = FreeSlots()
        var nearest = SlotObstacle.outOfWindow
        var away = MergedPeriods(doctor.timeOff)
        var busy = MergedPeriods(doctor.busy)
        for day in days {
            if day.isInWindow { nearest = max(nearest, .closed) }
            let isRegistered = RegistrationExpiry.covers(day.date, expiry: doctor.registrationExpiry)
            for hours in doctor.weeklyHours.hours(on: day.date, within: doctor.hours) {
                guard let open = hours.period(on: day.date, in: zone) else { continue }
                doctor.grid.forEachSlot(of: day.date, within: open, in: zone) { slot in
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
}

/// Sorted periods without overlaps. Queries must come in ascending order of start, so one pass serves them all.
private struct MergedPeriods {
    private let periods: [Range<Instant>]
    private var index = 0

    /// Merges overlapping periods, so that ends ascend with starts.
    init(_ periods: [Range<Instant>]) {
        var joined: [Range<Instant>] = []
        joined.reserveCapacity(periods.count)
        for period in Self.sorted(periods) {
            if let last = joined.last, period.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, period.upperBound)
            } else {
                joined.append(period)
            }
        }
        self.periods = joined
    }

    /// Mostly the database has sorted them already, and finding that out costs less than sorting again.
    private static func sorted(_ periods: [Range<Instant>]) -> [Range<Instant>] {
        let isSorted = zip(periods, periods.dropFirst()).allSatisfy { $0.lowerBound <= $1.lowerBound }
        return isSorted ? periods : periods.sorted { $0.lowerBound < $1.lowerBound }
    }

    mutating func overlaps(_ slot: AppointmentSlot) -> Bool {
        while index < periods.count, periods[index].upperBound <= slot.start { index += 1 }
        return index < periods.count && periods[index].lowerBound < slot.end
    }
}
