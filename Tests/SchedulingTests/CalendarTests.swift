// Dates, hours and local times: strict parsing, and conversions that hold for every day and never trap.
import Scheduling
import Testing

@Suite struct CalendarTests {
    @Test func `every day of ten thousand years follows the day before`() throws {
        var expected = try date("0001-01-01")
        var count: Int64 = 0
        var number = expected.daysSinceEpoch
        while let next = CivilDate(daysSinceEpoch: number + 1) {
            number += 1
            count += 1
            if next.daysSinceEpoch != number || next <= expected { Issue.record("\(next)") }
            let isNextDay = next.day == expected.day + 1 && next.month == expected.month
            let isNextMonth = next.day == 1 && next.month == expected.month % 12 + 1
            if !isNextDay && !isNextMonth { Issue.record("\(next) after \(expected)") }
            expected = next
        }
        #expect(expected.description == "9999-12-31")
        // 24 full eras of 400 years and 399 years.
        #expect(count == 3_652_058)
    }

    @Test(arguments: [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-11-24", 20_781), ("1969-12-31", -1)])
    func `known days have the expected day numbers`(text: String, number: Int64) throws {
        let day = try date(text)
        #expect(day.daysSinceEpoch == number)
        #expect(day.description == text)
        #expect(CivilDate(daysSinceEpoch: number) == day)
    }

    @Test(arguments: [
        "", "2026-1-01", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-04-31",
        "0000-01-01", "10000-01-01", "-001-01-01", "+026-01-01", " 2026-01-01", "2026-01-01 ", "2026/01/01",
        "２０２６-01-01", "2026-01-01\u{0}", "2026-01-0१",
    ])
    func `a date that is not strictly YYYY-MM-DD is rejected`(text: String) {
        #expect(CivilDate(parsing: text) == nil)
    }

    @Test(arguments: extremes) func `no day number causes a trap`(number: Int64) throws {
        if let day = CivilDate(daysSinceEpoch: number) { #expect(day.daysSinceEpoch == number) }
        _ = try date("2026-01-01").adding(days: number)
    }

    @Test(arguments: [("00:00", 0), ("09:05", 545), ("23:59", 1_439)])
    func `a time of day is strictly HH MM`(text: String, minutes: Int) {
        #expect(MinuteOfDay(parsing: text)?.minutes == minutes)
        #expect(MinuteOfDay(parsing: text)?.description == text)
    }

    @Test(arguments: [
        "", "9:00", "09:60", "24:01", "25:00", "0900", "09:00:00", " 09:00", "-1:00", "09.00", "aa:bb",
    ])
    func `any other time of day is rejected`(text: String) {
        #expect(MinuteOfDay(parsing: text, allowingEndOfDay: true) == nil)
    }

    @Test func `24 00 is accepted only as an end`() throws {
        #expect(MinuteOfDay(parsing: "24:00") == nil)
        #expect(MinuteOfDay(parsing: "24:00", allowingEndOfDay: true) == .endOfDay)
        #expect(MinuteOfDay.endOfDay.description == "24:00")
        #expect(OpeningHours(opens: .endOfDay, closes: .endOfDay) == nil)
        #expect(OpeningHours(opens: .midnight, closes: .endOfDay) != nil)
    }

    @Test func `hours that end before they begin are rejected, and equal ones mean closed`() throws {
        let nine = try #require(MinuteOfDay(parsing: "09:00"))
        let ten = try #require(MinuteOfDay(parsing: "10:00"))
        #expect(OpeningHours(opens: ten, closes: nine) == nil)
        #expect(try hours("09:00", "09:00").isClosed)
        #expect(try !hours("09:00", "10:00").isClosed)
    }

    @Test(arguments: ["24/11/2026 10:00:00", "29/02/2028 23:59:59", "01/01/0001 00:00:00"])
    func `a local time is parsed and formatted back unchanged`(text: String) throws {
        #expect(try local(text).description == text)
    }

    @Test(arguments: [
        "", "2026-11-24 10:00:00", "24/11/26 10:00:00", "4/11/2026 10:00:00", "24/11/2026 10:00",
        "24/11/2026T10:00:00",
        "31/11/2026 10:00:00", "29/02/2026 10:00:00", "24/13/2026 10:00:00", "24/11/2026 24:00:00",
        "24/11/2026 10:60:00", "24/11/2026 23:59:60", "24/11/2026  10:00:00", "24/11/2026 10:00:00Z",
        "24/11/2026 10:00:00\n", "24-11-2026 10:00:00", "24/11/2026 1０:00:00", "24/11/+026 10:00:00",
    ])
    func `a malformed local time is rejected`(text: String) {
        #expect(LocalDateTime(parsing: text) == nil)
    }

    @Test func `an instant rounds toward the past`() throws {
        let moment = Instant(microsecondsSinceEpoch: -1)
        #expect(moment.secondsSinceEpoch == -1)
        #expect(moment.nanoseconds == 999_999_000)
        #expect(Instant(secondsSinceEpoch: -1, nanoseconds: 999_999_000) == moment)
    }

    @Test func `a fraction of a microsecond is rejected, or dropped on request`() {
        #expect(Instant(secondsSinceEpoch: 5, nanoseconds: 1) == nil)
        #expect(
            Instant(secondsSinceEpoch: 5, nanoseconds: 1_999, roundingDown: true)?.microsecondsSinceEpoch
                == 5_000_001)
        for nanoseconds in [-1, 1_000_000_000, Int32.min, Int32.max] {
            #expect(Instant(secondsSinceEpoch: 5, nanoseconds: nanoseconds, roundingDown: true) == nil)
        }
    }

    @Test(arguments: extremes) func `no instant causes a trap`(number: Int64) {
        let moment = Instant(microsecondsSinceEpoch: number)
        #expect(moment.secondsSinceEpoch <= number / 1_000_000)
        for other in extremes {
            _ = moment.adding(seconds: other)
            _ = moment.adding(microseconds: other)
            _ = moment.microseconds(since: Instant(microsecondsSinceEpoch: other))
            _ = Instant(secondsSinceEpoch: other, nanoseconds: 999_999_999, roundingDown: true)
        }
        _ = Zones.sydney.localDateTime(at: moment)
    }
}
