// A doctor's weekly hours, which lie inside the department's hours: a change of either that would part them is refused. Hours
// that an older version let through count only while the department is open.

/// A day of the week.
public enum Weekday: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// The first day of the week, as ISO 8601 counts.
    case monday
    /// The second.
    case tuesday
    /// The third.
    case wednesday
    /// The fourth.
    case thursday
    /// The fifth.
    case friday
    /// The sixth.
    case saturday
    /// The seventh.
    case sunday

    /// Earlier in the week before later.
    public static func < (left: Weekday, right: Weekday) -> Bool { left.rawValue < right.rawValue }
}

extension CivilDate {
    /// The day of the week.
    public var weekday: Weekday {
        // 1970-01-01 was a Thursday, which is 3 days after Monday.
        Weekday(rawValue: Int((daysSinceEpoch + 3).dividedRoundingDown(by: 7).remainder)) ?? .monday
    }
}

/// One period of working hours on a day of every week.
public struct HoursOfDay: Sendable, Hashable {
    /// The day of the week.
    public let day: Weekday
    /// The hours on that day.
    public let hours: OpeningHours

    /// The hours of one weekday.
    public init(day: Weekday, hours: OpeningHours) {
        self.day = day
        self.hours = hours
    }
}

/// Why a list of hours is invalid, with the index of the offending entry.
public enum WeeklyHoursError: Error, Sendable, Hashable {
    /// The list has more than `WeeklyHours.maximumCount` entries.
    case tooMany
    /// The entry is empty.
    case empty(index: Int)
    /// The entry overlaps an earlier one of the same day.
    case overlapping(index: Int)
}

/// A doctor's working hours in every week; an empty list means the department's opening hours.
public struct WeeklyHours: Sendable, Hashable {
    /// The entries ordered by day and start.
    public let entries: [HoursOfDay]

    /// The most entries a week may have.
    public static let maximumCount = 50
    /// The doctor works whenever the department is open.
    public static let sameAsDepartment = WeeklyHours(unchecked: [])

    /// A week of these entries, in any order.
    public init(_ entries: [HoursOfDay]) throws(WeeklyHoursError) {
        guard entries.count <= WeeklyHours.maximumCount else { throw .tooMany }
        let ordered = entries.enumerated().sorted {
            ($0.element.day, $0.element.hours.opens) < ($1.element.day, $1.element.hours.opens)
        }
        for (position, entry) in ordered.enumerated() {
            if entry.element.hours.isClosed { throw .empty(index: entry.offset) }
            guard position > 0, case let before = ordered[position - 1].element,
                before.day == entry.element.day
            else { continue }
            if entry.element.hours.opens < before.hours.closes { throw .overlapping(index: entry.offset) }
        }
        self.entries = ordered.map(\.element)
    }

    /// The week from minutes since Monday 00:00, alternating start and end; nil if they are invalid.
    public init?(minutesOfWeek minutes: [Int64]) {
        var entries: [HoursOfDay] = []
        for index in stride(from: 0, to: minutes.count, by: 2) {
            guard index + 1 < minutes.count, (0..<10_080).contains(minutes[index]) else { return nil }
            let (day, opens) = minutes[index].quotientAndRemainder(dividingBy: 1_440)
            guard let weekday = Weekday(rawValue: Int(day)), let opening = MinuteOfDay(minutes: opens),
                (0...10_080).contains(minutes[index + 1]),
                let closing = MinuteOfDay(minutes: minutes[index + 1] - day * 1_440),
                let hours = OpeningHours(opens: opening, closes: closing)
            else { return nil }
            entries.append(HoursOfDay(day: weekday, hours: hours))
        }
        do { try self.init(entries) } catch { return nil }
    }

    /// Minutes since Monday 00:00, alternating start and end, ascending.
    public var minutesOfWeek: [Int64] {
        entries.flatMap { entry in
            let midnight = entry.day.rawValue * 1_440
            return [
                Int64(midnight + entry.hours.opens.minutes), Int64(midnight + entry.hours.closes.minutes),
            ]
        }
    }

    /// The first entry that is not within the department's hours.
    public func firstOutside(_ department: OpeningHours) -> HoursOfDay? {
        entries.first { $0.hours.opens < department.opens || department.closes < $0.hours.closes }
    }

    /// The doctor's working hours on a day within the department's hours; empty while the department is closed.
    public func hours(on day: CivilDate, within department: OpeningHours) -> [OpeningHours] {
        if department.isClosed { return [] }
        if entries.isEmpty { return [department] }
        let weekday = day.weekday
        return entries.compactMap { entry in
            guard entry.day == weekday,
                let hours = OpeningHours(
                    opens: max(entry.hours.opens, department.opens),
                    closes: min(entry.hours.closes, department.closes)), !hours.isClosed
            else { return nil }
            return hours
        }
    }

    private init(unchecked entries: [HoursOfDay]) { self.entries = entries }
}
