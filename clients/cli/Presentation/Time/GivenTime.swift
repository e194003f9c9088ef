// The one reader of days and times: every option that takes one is parsed here. It reads what this program prints.

internal import ArgumentParser
internal import ClinicMessages
internal import Scheduling

/// A day or a time as it was typed.
enum GivenTime: Equatable, Sendable {
    /// An instant: the text has an offset from UTC.
    case instant(ProtobufTimestamp)
    /// A day of the clinic's calendar.
    case day(GivenDay)
    /// A time of the clinic's clock, in seconds of the day.
    case local(GivenDay, secondOfDay: Int)

    /// Parses an option; throws a usage error that names the forms.
    static func parse(_ text: String) throws -> GivenTime {
        if let instant = ProtobufTimestamp(rfc3339: text) { return .instant(instant) }
        let pattern =
            /(?<day>[0-9\-\/]+|[a-z]+)(?:[ t]+(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2}))?(?<offset>z|[+\-][0-9]{2}:[0-9]{2})?)?/
        guard let match = text.lowercased().wholeMatch(of: pattern) else { throw invalidFormat }
        guard let day = GivenDay(String(match.day)) else { throw invalidFormat }
        guard let hour = match.hour.flatMap({ Int($0) }), let minute = match.minute.flatMap({ Int($0) })
        else { return .day(day) }
        let second = match.second.flatMap { $0 }.flatMap { Int($0) } ?? 0
        guard hour < 24, minute < 60, second < 60 else { throw invalidFormat }
        let secondOfDay = hour * 3600 + minute * 60 + second
        guard let offset = match.offset.flatMap({ $0 }) else {
            return .local(day, secondOfDay: secondOfDay)
        }
        guard case .date(let date) = day, let east = seconds(ofOffset: offset) else { throw invalidFormat }
        return .instant(
            ProtobufTimestamp(seconds: date.daysSinceEpoch * 86_400 + Int64(secondOfDay - east)))
    }

    /// Whether the instant of the text depends on the clinic's time zone.
    var isLocal: Bool {
        if case .instant = self { false } else { true }
    }

    /// Whether the day depends on the present day in the clinic's time zone.
    var isRelative: Bool {
        switch self {
        case .instant: false
        case .day(let day), .local(let day, secondOfDay: _): !day.isDate
        }
    }

    /// Parses `z` or `+11:00`.
    private static func seconds(ofOffset text: Substring) -> Int? {
        if text == "z" { return 0 }
        guard let hours = Int(text.dropFirst().prefix(2)), let minutes = Int(text.suffix(2)), hours < 24,
            minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (text.hasPrefix("-") ? -60 : 60)
    }

    private static var invalidFormat: ValidationError {
        ValidationError(
            "a day is written like 2026-12-02, 02/12/2026, today, tomorrow or mon, a time like '2026-12-02 09:30' or "
                + "'mon 9:30' in the clinic's time zone, an instant like 2026-12-02T09:30:00+11:00")
    }
}

/// A day of the clinic's calendar as it was typed.
enum GivenDay: Equatable, Sendable {
    case date(CivilDate)
    /// So many days after the present day.
    case daysAhead(Int64)
    /// The next such day, counted from Monday, 0.
    case weekday(Int64)

    private static let weekdays = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    /// Parses `2026-12-02`, `02/12/2026`, `today`, or a weekday of at least three letters.
    init?(_ text: String) {
        let numbers = text.split(omittingEmptySubsequences: false) { "-/".contains($0) }
        switch text {
        case "yesterday": self = .daysAhead(-1)
        case "today": self = .daysAhead(0)
        case "tomorrow": self = .daysAhead(1)
        case _ where text.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}/) != nil:
            guard let date = CivilDate(parsing: text) else { return nil }
            self = .date(date)
        case _ where text.wholeMatch(of: /[0-9]{1,2}\/[0-9]{1,2}\/[0-9]{4}/) != nil:
            guard let year = Int(numbers[2]), let month = Int(numbers[1]), let day = Int(numbers[0]),
                let date = CivilDate(year: year, month: month, day: day)
            else { return nil }
            self = .date(date)
        default:
            guard text.count >= 3, let index = Self.weekdays.firstIndex(where: { $0.hasPrefix(text) }) else {
                return nil
            }
            self = .weekday(Int64(index))
        }
    }

    /// Whether the day is given by its date.
    var isDate: Bool {
        if case .date = self { true } else { false }
    }
}
