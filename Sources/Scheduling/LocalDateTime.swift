// A date and time of day as people write them (`24/11/2026 10:00:00`), before a time zone maps them to an instant.

/// A calendar day and a wall-clock time to the second, without a time zone.
public struct LocalDateTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The calendar day.
    public let date: CivilDate
    /// Seconds since local midnight on the wall clock, 0 to 86 399.
    public let secondOfDay: Int

    /// A day and a second of it; nil outside 0 to 86 399.
    public init?(date: CivilDate, secondOfDay: Int) {
        guard (0..<86_400).contains(secondOfDay) else { return nil }
        self.date = date
        self.secondOfDay = secondOfDay
    }

    /// Parses exactly `dd/mm/yyyy hh:mm:ss` in ASCII digits, 00:00:00 to 23:59:59; nil for anything else.
    public init?(parsing text: String) {
        var reader = DigitReader(text)
        guard let day = reader.number(digits: 2), reader.skip("/"),
            let month = reader.number(digits: 2), reader.skip("/"),
            let year = reader.number(digits: 4), reader.skip(" "),
            let hour = reader.number(digits: 2), reader.skip(":"),
            let minute = reader.number(digits: 2), reader.skip(":"),
            let second = reader.number(digits: 2), reader.isAtEnd,
            hour < 24, minute < 60, second < 60,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        self.init(date: date, secondOfDay: hour * 3_600 + minute * 60 + second)
    }

    /// The local time this many seconds after 1970-01-01 00:00:00 on the same clock; nil out of range.
    init?(wallClockSeconds: Int64) {
        let (days, second) = wallClockSeconds.dividedRoundingDown(by: 86_400)
        guard let date = CivilDate(daysSinceEpoch: days) else { return nil }
        self.init(date: date, secondOfDay: Int(second))
    }

    /// Seconds since 1970-01-01 00:00:00 on the same clock.
    var wallClockSeconds: Int64 { date.daysSinceEpoch * 86_400 + Int64(secondOfDay) }

    /// `dd/mm/yyyy hh:mm:ss`.
    public var description: String {
        DigitWriter.text(capacity: 19) { text in
            text.put(date.day, digits: 2)
            text.put("/")
            text.put(date.month, digits: 2)
            text.put("/")
            text.put(date.year, digits: 4)
            text.put(" ")
            text.put(secondOfDay / 3_600, digits: 2)
            text.put(":")
            text.put(secondOfDay / 60 % 60, digits: 2)
            text.put(":")
            text.put(secondOfDay % 60, digits: 2)
        }
    }

    /// Earlier before later; meaningful within one time zone only.
    public static func < (left: LocalDateTime, right: LocalDateTime) -> Bool {
        (left.date, left.secondOfDay) < (right.date, right.secondOfDay)
    }
}
