// Time zones and local times for the tests. The transitions are computed from the published rule (first Sunday of
// April and October), independently of any time zone database.
import Scheduling
import Testing

enum Zones {
    /// +10:00, in summer +11:00; changes at 02:00 standard time.
    static let sydney = zone("Australia/Sydney", standard: 36_000, summer: 39_600, aprilReading: 10_800)
    /// +10:30, in summer +11:00: a change of half an hour, at 02:00 local time.
    static let lordHowe = zone("Australia/Lord_Howe", standard: 37_800, summer: 39_600, aprilReading: 7_200)

    private static func zone(_ name: String, standard: Int, summer: Int, aprilReading: Int64) -> TimeZoneRules
    {
        var transitions: [TimeZoneTransition] = []
        for year in 2_020...2_030 {
            let april = firstSunday(year, 4) * 86_400 + aprilReading - Int64(summer)
            let october = firstSunday(year, 10) * 86_400 + 7_200 - Int64(standard)
            transitions.append(TimeZoneTransition(secondsSinceEpoch: april, offset: standard))
            transitions.append(TimeZoneTransition(secondsSinceEpoch: october, offset: summer))
        }
        return TimeZoneRules(identifier: name, initialOffset: summer, transitions: transitions) ?? .utc
    }

    private static func firstSunday(_ year: Int, _ month: Int) -> Int64 {
        let first = CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? 0
        // 1970-01-01 was a Thursday, so day 3 was a Sunday.
        return first + (3 - first % 7 + 7) % 7
    }
}

func local(_ text: String) throws -> LocalDateTime {
    try #require(LocalDateTime(parsing: text))
}

func instant(_ text: String, _ zone: TimeZoneRules) throws -> Instant {
    try zone.instant(of: local(text))
}

func date(_ text: String) throws -> CivilDate {
    try #require(CivilDate(parsing: text))
}

func hours(_ opens: String, _ closes: String) throws -> OpeningHours {
    let opening = try #require(MinuteOfDay(parsing: opens))
    let closing = try #require(MinuteOfDay(parsing: closes, allowingEndOfDay: true))
    return try #require(OpeningHours(opens: opening, closes: closing))
}

/// Int64 values near the limits of the arithmetic.
let extremes: [Int64] = [
    .min, .min + 1, -62_135_596_801_000_000, -1, 0, 1, 253_402_300_800_000_000, .max - 1, .max,
]
