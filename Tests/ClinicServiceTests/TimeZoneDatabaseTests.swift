// The system's zones as tables: the days of a change, agreement with Foundation's own, and names that are no zone.
import Foundation
import Scheduling
import Testing
import TimeZones

@Suite struct TimeZoneDatabaseTests {
    private func local(_ text: String) throws -> LocalDateTime {
        try #require(LocalDateTime(parsing: text))
    }

    @Test func `Sydney and Lord Howe skip and repeat what they should`() throws {
        let sydney = try TimeZoneDatabase.load("Australia/Sydney")
        let ordinary = try sydney.instant(of: local("24/11/2026 10:00:00"))
        #expect(ordinary == (try TimeZoneRules.utc.instant(of: local("23/11/2026 23:00:00"))))
        let skipped = try local("04/10/2026 02:30:00")
        #expect(throws: LocalTimeError.skipped(skipped)) { try sydney.instant(of: skipped) }
        let twice = try sydney.instant(of: local("05/04/2026 02:30:00"))
        #expect(twice == (try TimeZoneRules.utc.instant(of: local("04/04/2026 15:30:00"))))
        let lordHowe = try TimeZoneDatabase.load("Australia/Lord_Howe")
        #expect(throws: LocalTimeError.self) { try lordHowe.instant(of: local("04/10/2026 02:15:00")) }
        let after = try lordHowe.instant(of: local("04/10/2026 02:30:00"))
        #expect(after == (try TimeZoneRules.utc.instant(of: local("03/10/2026 15:30:00"))))
        // Two changes a year from 2000 to 2060.
        #expect(sydney.transitions.count == 122)
        #expect(sydney.transitions.allSatisfy { $0.secondsSinceEpoch % 3_600 == 0 })
    }

    @Test(arguments: [
        "Australia/Sydney", "Australia/Lord_Howe", "America/New_York", "Africa/Casablanca", "Asia/Kathmandu",
        "Pacific/Apia", "Europe/London", "America/Sao_Paulo", "Antarctica/Troll", "Asia/Gaza",
    ])
    func `a table agrees with Foundation`(name: String) throws {
        let rules = try TimeZoneDatabase.load(name)
        let zone = try #require(TimeZone(identifier: name))
        func check(_ second: Int64) throws {
            let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
            let offset = rules.offset(at: try #require(Instant(secondsSinceEpoch: second)))
            if offset != expected { Issue.record("\(second): \(offset), not \(expected)") }
        }
        for transition in rules.transitions {
            try check(transition.secondsSinceEpoch - 1)
            try check(transition.secondsSinceEpoch)
        }
        for second in stride(from: Int64(946_684_800), to: 2_871_763_200, by: 9_973 * 7) { try check(second) }
    }

    @Test func `UTC has no changes`() throws {
        #expect(try TimeZoneDatabase.load("UTC").transitions.isEmpty)
        #expect(try TimeZoneDatabase.load("UTC").initialOffset == 0)
    }

    @Test(arguments: [
        "", "Nowhere/City", "australia/sydney", "Sydney", "GMT+5", "+10:00", "../UTC",
        "Australia/Sydney\u{0}",
        " Australia/Sydney", "Australia", "zone.tab", "tzdata.zi", "right/Australia/Sydney", "/etc/localtime",
    ])
    func `a name that is no zone is an error that says what to do`(name: String) {
        let error = #expect(throws: UnknownTimeZone.self) { try TimeZoneDatabase.load(name) }
        #expect(error?.description.contains("tzdata") == true)
    }
}
