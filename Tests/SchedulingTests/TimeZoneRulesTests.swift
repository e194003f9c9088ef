// Conversions between local time and instants, above all on days with a clock change.
import Scheduling
import TestRandom
import Testing

@Suite struct TimeZoneRulesTests {
    @Test func `an ordinary local time is one instant`() throws {
        // 24 November 2026 is summer time: 10:00 is 23:00 UTC of the day before.
        let moment = try instant("24/11/2026 10:00:00", Zones.sydney)
        #expect(moment == (try instant("23/11/2026 23:00:00", .utc)))
        #expect(Zones.sydney.localDateTime(at: moment)?.description == "24/11/2026 10:00:00")
        #expect(Zones.sydney.offset(at: moment) == 39_600)
    }

    @Test(arguments: ["04/10/2026 02:00:00", "04/10/2026 02:30:00", "04/10/2026 02:59:59"])
    func `a local time that Sydney skips is an error`(text: String) throws {
        let reading = try local(text)
        #expect(throws: LocalTimeError.skipped(reading)) { try Zones.sydney.instant(of: reading) }
        #expect(
            Zones.sydney.resolve(reading)
                == .skipped(changeAt: try instant("04/10/2026 03:00:00", Zones.sydney)))
    }

    @Test func `the seconds before and after a skipped hour are adjacent instants`() throws {
        let before = try instant("04/10/2026 01:59:59", Zones.sydney)
        let after = try instant("04/10/2026 03:00:00", Zones.sydney)
        #expect(after == before.adding(seconds: 1))
    }

    @Test func `a local time that occurs twice maps to the earlier instant`() throws {
        let reading = try local("05/04/2026 02:30:00")
        let earlier = try instant("04/04/2026 15:30:00", .utc)
        let later = try instant("04/04/2026 16:30:00", .utc)
        #expect(Zones.sydney.resolve(reading) == .ambiguous(earlier: earlier, later: later))
        #expect(try Zones.sydney.instant(of: reading) == earlier)
        #expect(Zones.sydney.localDateTime(at: later) == reading)
        #expect(
            try Zones.sydney.resolve(local("05/04/2026 03:00:00"))
                == .unique(
                    instant("04/04/2026 17:00:00", .utc)))
        #expect(
            try Zones.sydney.resolve(local("05/04/2026 01:59:59"))
                == .unique(
                    instant("04/04/2026 14:59:59", .utc)))
    }

    @Test func `Lord Howe skips and repeats half an hour`() throws {
        #expect(throws: LocalTimeError.self) {
            try Zones.lordHowe.instant(of: local("04/10/2026 02:15:00"))
        }
        #expect(
            try Zones.lordHowe.resolve(local("04/10/2026 02:30:00"))
                == .unique(
                    instant("03/10/2026 15:30:00", .utc)))
        #expect(
            try Zones.lordHowe.resolve(local("05/04/2026 01:45:00"))
                == .ambiguous(
                    earlier: instant("04/04/2026 14:45:00", .utc), later: instant("04/04/2026 15:15:00", .utc)
                ))
    }

    @Test(arguments: [Zones.sydney, Zones.lordHowe, .utc])
    func `every instant is recovered from its local time`(zone: TimeZoneRules) throws {
        var generator = SeededGenerator(printing: "instants of \(zone.identifier)")
        let range = try instant("01/01/2020 00:00:00", .utc)...instant("31/12/2030 00:00:00", .utc)
        var instants = (0..<20_000).map { _ in
            Int64.random(
                in: range.lowerBound.secondsSinceEpoch...range.upperBound.secondsSinceEpoch, using: &generator
            )
        }
        for transition in zone.transitions {
            instants += (-7_200...7_200).filter { $0 % 61 == 0 || abs($0) < 3 }.map {
                transition.secondsSinceEpoch + Int64($0)
            }
        }
        for seconds in instants {
            let moment = try #require(Instant(secondsSinceEpoch: seconds))
            let reading = try #require(zone.localDateTime(at: moment))
            switch zone.resolve(reading) {
            case .unique(let found):
                if found != moment { Issue.record("\(reading)") }
            case .ambiguous(let earlier, let later):
                if moment != earlier && moment != later || earlier >= later { Issue.record("\(reading)") }
            case .skipped: Issue.record("\(reading) is the local time of an instant")
            }
        }
    }

    @Test func `a table out of order or out of range is rejected`() {
        func zone(_ transitions: [(Int64, Int)], initial: Int = 0) -> TimeZoneRules? {
            TimeZoneRules(
                identifier: "Test", initialOffset: initial,
                transitions: transitions.map { TimeZoneTransition(secondsSinceEpoch: $0, offset: $1) })
        }
        #expect(zone([(0, 3_600), (10, 0)]) != nil)
        #expect(zone([(10, 3_600), (0, 0)]) == nil)
        #expect(zone([(0, 3_600), (0, 0)]) == nil)
        #expect(zone([(0, 86_400)]) == nil)
        #expect(zone([], initial: -86_400) == nil)
        #expect(zone([(.max, 0)]) == nil)
        #expect(zone([(.min, 0)]) == nil)
    }

    @Test func `days later is the same time of the clock, whatever the clock did`() throws {
        for (start, days, expected) in [
            ("04/04/2027 00:00:00", 366, "04/04/2028 00:00:00"),
            ("03/04/2027 12:30:05", 1, "04/04/2027 12:30:05"),
            ("02/10/2027 02:30:00", 1, "03/10/2027 03:00:00"),
            ("01/03/2028 00:00:00", -1, "29/02/2028 00:00:00"),
        ] as [(String, Int64, String)] {
            let instant = try #require(try? Zones.sydney.instant(of: local(start)))
            let later = Zones.sydney.instant(days: days, after: instant)
            #expect(try later == Zones.sydney.instant(of: local(expected)), "\(start)")
        }
    }

    @Test func `what lies outside the years 1 to 9999 of UTC is no instant`() throws {
        #expect(Zones.sydney.moment(.midnight, on: try date("0001-01-01")) == nil)
        #expect(Zones.sydney.moment(.midnight, on: try date("0001-01-02")) != nil)
        let last = try #require(Instant(secondsSinceEpoch: 253_402_300_799))
        #expect(Zones.sydney.instant(days: 1, after: last) == nil)
        for seconds in [-62_135_596_801, 253_402_300_800, 8_900_000_000_000] as [Int64] {
            #expect(Instant(secondsSinceEpoch: seconds, nanoseconds: 0) == nil)
        }
    }

    @Test func `the ends of the calendar cause no trap`() throws {
        for text in ["01/01/0001 00:00:00", "31/12/9999 23:59:59"] {
            _ = try Zones.sydney.resolve(local(text))
            let last = try date("9999-12-31")
            #expect(Zones.sydney.moment(.endOfDay, on: last) == nil)
        }
    }
}
