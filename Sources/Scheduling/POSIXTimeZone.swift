// The yearly rule of a time zone in the format of POSIX's TZ variable and of the TZif footer, such as
// `AEST-10AEDT,M10.1.0,M4.1.0/3` (POSIX.1-2017 section 8.3, with the hours of RFC 8536 section 3.3.1).

/// A standard offset and an optional summer time that repeats every year.
struct POSIXTimeZone {
    /// Seconds east of UTC outside summer time.
    let standardOffset: Int
    private let summerTime: SummerTime?

    private struct SummerTime {
        let offset: Int
        let begins: YearlyMoment
        let ends: YearlyMoment
    }

    /// Parses the rule; nil if it is malformed or names a summer time without its dates.
    init?(parsing text: some Sequence<UInt8>) {
        var reader = RuleReader(rest: ArraySlice(text))
        guard reader.skipName(), let west = reader.time() else { return nil }
        standardOffset = -west
        if reader.isAtEnd {
            summerTime = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = standardOffset + 3_600
        if !reader.skip(",") {
            guard let west = reader.time(), reader.skip(",") else { return nil }
            offset = -west
        }
        guard let begins = reader.yearlyMoment(), reader.skip(","), let ends = reader.yearlyMoment(),
            reader.isAtEnd
        else { return nil }
        summerTime = SummerTime(offset: offset, begins: begins, ends: ends)
    }

    /// The transitions of these years, oldest first. A transition near a new year may fall a day outside.
    func transitions(inYears years: ClosedRange<Int>) -> [TimeZoneTransition] {
        guard let summerTime else { return [] }
        return years.flatMap { year -> [TimeZoneTransition] in
            guard let begins = summerTime.begins.seconds(inYear: year),
                let ends = summerTime.ends.seconds(inYear: year)
            else { return [] }
            // A transition's time is given in the offset in force before it.
            let spring = TimeZoneTransition(
                secondsSinceEpoch: begins - Int64(standardOffset), offset: summerTime.offset)
            let autumn = TimeZoneTransition(
                secondsSinceEpoch: ends - Int64(summerTime.offset), offset: standardOffset)
            return spring.secondsSinceEpoch < autumn.secondsSinceEpoch ? [spring, autumn] : [autumn, spring]
        }
    }
}

/// A day of every year and a time on it.
private struct YearlyMoment {
    enum Day {
        /// The n-th such weekday of a month, Sunday being 0; week 5 means the last one.
        case weekday(Int, week: Int, month: Int)
        /// The n-th day of the year, from 1, not counting 29 February.
        case dayOfCommonYear(Int)
        /// The n-th day of the year, from 0, counting 29 February.
        case dayOfYear(Int)
    }

    let day: Day
    /// Seconds after the day's midnight; within a week before or after it.
    let time: Int

    /// The local time in `year`, in seconds since 1970-01-01 00:00:00 on the same clock; nil outside the calendar.
    func seconds(inYear year: Int) -> Int64? {
        switch day {
        case .weekday(let weekday, let week, let month):
            guard let first = CivilDate(year: year, month: month, day: 1) else { return nil }
            // `Weekday` counts from Monday, POSIX from Sunday.
            let daysAhead = (weekday + 6 - first.weekday.rawValue) % 7 + 7 * (week - 1)
            let isInMonth = CivilDate(year: year, month: month, day: 1 + daysAhead) != nil
            return seconds(onDay: first.daysSinceEpoch + Int64(isInMonth ? daysAhead : daysAhead - 7))
        case .dayOfCommonYear(let number):
            // 2001 is a year without 29 February.
            guard let common = CivilDate(year: 2001, month: 1, day: 1)?.adding(days: Int64(number - 1)),
                let date = CivilDate(year: year, month: common.month, day: common.day)
            else { return nil }
            return seconds(onDay: date.daysSinceEpoch)
        case .dayOfYear(let number):
            guard let first = CivilDate(year: year, month: 1, day: 1) else { return nil }
            return seconds(onDay: first.daysSinceEpoch + Int64(number))
        }
    }

    private func seconds(onDay days: Int64) -> Int64 { days * 86_400 + Int64(time) }
}

/// A cursor over the text.
private struct RuleReader {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ separator: Unicode.Scalar) -> Bool {
        guard let byte = rest.first, UInt32(byte) == separator.value else { return false }
        rest.removeFirst()
        return true
    }

    /// Takes an abbreviation: three letters or more, or letters, digits and signs in angle brackets.
    mutating func skipName() -> Bool {
        if skip("<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[(end + 1)...]
            return true
        }
        let name = rest.prefix { (0x41...0x5A).contains($0 & 0xDF) }
        rest = rest[name.endIndex...]
        return name.count >= 3
    }

    /// Takes one to three ASCII digits.
    mutating func number(_ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix(3).prefix { (0x30...0x39).contains($0) }
        rest = rest[digits.endIndex...]
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return !digits.isEmpty && range.contains(value) ? value : nil
    }

    /// Takes `[+-]h[:mm[:ss]]`, up to 167 hours, as seconds.
    mutating func time() -> Int? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let hours = number(0...167) else { return nil }
        var seconds = hours * 3_600
        for unit in [60, 1] where skip(":") {
            guard let part = number(0...59) else { return nil }
            seconds += part * unit
        }
        return isNegative ? -seconds : seconds
    }

    /// Takes `Mm.w.d`, `Jn` or `n`, and an optional time after a slash, 02:00 by default.
    mutating func yearlyMoment() -> YearlyMoment? {
        guard let day = day() else { return nil }
        guard skip("/") else { return YearlyMoment(day: day, time: 7_200) }
        return time().map { YearlyMoment(day: day, time: $0) }
    }

    private mutating func day() -> YearlyMoment.Day? {
        if skip("M") {
            guard let month = number(1...12), skip("."), let week = number(1...5), skip("."),
                let weekday = number(0...6)
            else { return nil }
            return .weekday(weekday, week: week, month: month)
        }
        if skip("J") { return number(1...365).map { .dayOfCommonYear($0) } }
        return number(0...365).map { .dayOfYear($0) }
    }
}
