// The hours of a doctor's week. They narrow the department's hours and never widen them: a department that closes
// earlier later on takes its doctors' late hours with it.

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
    /// Which day of the week it is.
    public var weekday: Weekday {
        // 1970-01-01 was a Thursday, three days after a Monday.
        Weekday(rawValue: Int((daysSinceEpoch + 3).dividedRoundingDown(by: 7).remainder)) ?? .monday
    }
}

/// Hours on one day of every week.
public struct HoursOfDay: Sendable, Hashable {
    /// Which day.
    public let day: Weekday
    /// From when to when; never closed.
    public let hours: OpeningHours

    /// Those hours of that day.
    public init(day: Weekday, hours: OpeningHours) {
        self.day = day
        self.hours = hours
    }
}

/// Why hours do not make a week, with the place of those that do not fit.
public enum WeeklyHoursError: Error, Sendable, Hashable {
    /// There are more than `WeeklyHours.maximumCount`.
    case tooMany
    /// These are empty.
    case empty(index: Int)
    /// These begin before others of the day are over.
    case overlapping(index: Int)
}

/// When a doctor works in every week; no hours at all mean whenever the department is open.
public struct WeeklyHours: Sendable, Hashable {
    /// The hours in the order of the week.
    public let entries: [HoursOfDay]

    /// How many hours a week may have.
    public static let maximumCount = 50
    /// Whenever the department is open.
    public static let asDepartment = WeeklyHours(unchecked: [])

    /// A week of these hours, in any order.
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

    /// The week of these minutes since Monday 00:00, a start and an end in turn; nil if they are none.
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

    /// Minutes since Monday 00:00, a start and an end in turn, ascending.
    public var minutesOfWeek: [Int64] {
        entries.flatMap { entry in
            let midnight = entry.day.rawValue * 1_440
            return [
                Int64(midnight + entry.hours.opens.minutes), Int64(midnight + entry.hours.closes.minutes),
            ]
        }
    }

    /// The first hours that are not inside the department's.
    public func firstOutside(_ department: OpeningHours) -> HoursOfDay? {
        entries.first { $0.hours.opens < department.opens || department.closes < $0.hours.closes }
    }

    /// When the doctor works on a day, given the department's hours: nothing while that is closed.
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
