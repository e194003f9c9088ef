// A doctor's weekly hours in the notation `Mon-Thu 09:00-12:00 13:00-17:00, Fri 09:00-13:00`.

internal import ArgumentParser
internal import ClinicMessages

extension WorkingHours {
    private static let days: [(name: String, day: DayOfWeek)] = [
        ("Mon", .monday), ("Tue", .tuesday), ("Wed", .wednesday), ("Thu", .thursday), ("Fri", .friday),
        ("Sat", .saturday), ("Sun", .sunday),
    ]

    /// Parses days and their hours: `mon-fri 09:00-12:00 13:00-17:00`, `tue,sun 10:00-14:00`.
    static func parse(_ text: String) throws -> [WorkingHours] {
        let words = text.split(separator: " ")
        guard let first = words.first, words.count > 1 else { throw invalidFormat }
        let hours = try words.dropFirst().map { word in
            let ends = word.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2 else { throw invalidFormat }
            return (start: String(ends[0]), end: String(ends[1]))
        }
        return try first.split(separator: ",", omittingEmptySubsequences: false).flatMap { part in
            let ends = try part.split(separator: "-", omittingEmptySubsequences: false).map(index)
            guard let from = ends.first, let to = ends.last, ends.count <= 2, from <= to else {
                throw invalidFormat
            }
            return days[from...to].map(\.day)
        }.flatMap { day in
            hours.map { WorkingHours(day: day, startHour: $0.start, endHour: $0.end) }
        }
    }

    /// The week on one line, with consecutive days of equal hours grouped.
    static func text(_ week: [WorkingHours]) -> String {
        var groups: [(first: String, last: String, hours: String)] = []
        var yesterday = ""
        for (name, day) in days {
            let hours = week.filter { $0.day == day }.map { "\($0.startHour)-\($0.endHour)" }.joined(
                separator: " ")
            if !hours.isEmpty, hours == yesterday, let group = groups.popLast() {
                groups.append((group.first, name, hours))
            } else if !hours.isEmpty {
                groups.append((name, name, hours))
            }
            yesterday = hours
        }
        return groups.map { group in
            (group.first == group.last ? group.first : "\(group.first)-\(group.last)") + " " + group.hours
        }.joined(separator: ", ")
    }

    private static func index(_ name: Substring) throws -> Int {
        guard let index = days.firstIndex(where: { $0.name.lowercased() == name.prefix(3).lowercased() })
        else {
            throw invalidFormat
        }
        return index
    }

    private static var invalidFormat: ValidationError {
        ValidationError("hours are written like 'mon-fri 09:00-12:00 13:00-17:00' or 'tue,sun 10:00-14:00'")
    }
}
