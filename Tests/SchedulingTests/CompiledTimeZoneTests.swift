// TZif files built byte by byte: listed transitions, the yearly rule of the footer, and damaged files.
import Scheduling
import Testing

@Suite struct CompiledTimeZoneTests {
    /// A TZif file (RFC 8536, version 2) with these transitions, offsets and footer.
    private func compiled(
        _ changes: [(second: Int64, kind: UInt8)] = [], offsets: [Int32], footer: String, leapSeconds: Int = 0
    ) -> [UInt8] {
        func header(_ counts: [Int]) -> [UInt8] {
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
                + counts.flatMap { bytes(UInt32(truncatingIfNeeded: $0)) }
        }
        var file = header([0, 0, 0, 0, 1, 1]) + [0, 0, 0, 0, 0, 0, 0]
        file += header([0, 0, leapSeconds, changes.count, offsets.count, 4])
        file += changes.flatMap { bytes($0.second) } + changes.map(\.kind)
        file += offsets.flatMap { bytes($0) + [0, 0] }
        file += Array("ABC\0".utf8) + [UInt8](repeating: 0, count: 12 * leapSeconds)
        return file + Array("\n\(footer)\n".utf8)
    }

    private func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// The rules of a file that has only a footer.
    private func rules(withFooter footer: String) throws -> TimeZoneRules {
        try #require(
            TimeZoneRules(identifier: "Some/Where", compiled: compiled(offsets: [0], footer: footer)))
    }

    /// The transitions of a year in UTC, with the new offsets.
    private func changes(of rules: TimeZoneRules, in year: Int) throws -> [String] {
        try rules.transitions.compactMap { change in
            let moment = try #require(Instant(secondsSinceEpoch: change.secondsSinceEpoch))
            let utc = try #require(TimeZoneRules.utc.localDateTime(at: moment))
            return utc.date.year == year ? "\(utc) \(change.offset)" : nil
        }
    }

    @Test func `listed transitions and the footer's rule form one table`() throws {
        let listed: [(second: Int64, kind: UInt8)] = [
            // One long before the table's years, then the last listed ones, of which the second changes nothing.
            (-2_364_113_092, 1), (1_206_806_400, 2), (1_206_806_401, 2),
        ]
        let rules = try #require(
            TimeZoneRules(
                identifier: "Australia/Sydney",
                compiled: compiled(
                    listed, offsets: [36_292, 39_600, 36_000], footer: "AEST-10AEDT,M10.1.0,M4.1.0/3")))
        #expect(rules.initialOffset == 39_600)
        #expect(
            try changes(of: rules, in: 2008) == [
                "29/03/2008 16:00:00 36000", "04/10/2008 16:00:00 39600",
            ])
        #expect(
            try changes(of: rules, in: 2060) == [
                "03/04/2060 16:00:00 36000", "02/10/2060 16:00:00 39600",
            ])
        let local = try local("24/11/2026 10:00:00")
        #expect(try rules.instant(of: local) == Zones.sydney.instant(of: local))
    }

    @Test(arguments: [
        // In order: the last Sunday; half an hour; a quarter; a negative time; a time after the next midnight.
        ("CET-1CEST,M3.5.0,M10.5.0/3", ["29/03/2026 01:00:00 7200", "25/10/2026 01:00:00 3600"]),
        (
            "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
            ["04/04/2026 15:00:00 37800", "03/10/2026 15:30:00 39600"]
        ),
        (
            "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
            ["04/04/2026 14:00:00 45900", "26/09/2026 14:00:00 49500"]
        ),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", ["29/03/2026 01:00:00 -3600", "25/10/2026 01:00:00 -7200"]),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", ["28/03/2026 00:00:00 10800", "23/10/2026 23:00:00 7200"]),
        // Summer as standard time, winter as the exception.
        ("IST-1GMT0,M10.5.0,M3.5.0/1", ["29/03/2026 01:00:00 3600", "25/10/2026 01:00:00 0"]),
        // Days of the year; only the form without J counts 29 February.
        ("ABC0DEF,J60,J300/0:00:30", ["01/03/2028 02:00:00 3600", "26/10/2028 23:00:30 0"]),
        ("ABC0DEF,59,299", ["29/02/2028 02:00:00 3600", "26/10/2028 01:00:00 0"]),
        // No transition at all, and summer time all year round.
        ("AEST-10", []), ("ABC3DEF4,0/0,J365/23", []),
    ])
    func `the footer's rule applies to every year`(footer: String, expected: [String]) throws {
        let year = expected.first?.contains("2028") == true ? 2028 : 2026
        #expect(try changes(of: rules(withFooter: footer), in: year) == expected)
    }

    @Test(arguments: [
        "A-1", "ABC", "ABC+", "ABC168", "ABC1:60", "ABC0DEF", "ABC0DEF,M3.5.0", "ABC0DEF,M13.1.0,M4.1.0",
        "ABC0DEF,M3.6.0,M4.1.0", "ABC0DEF,M3.1.7,M4.1.0", "ABC0DEF,J0,J1", "ABC0DEF,366,1",
        "ABC0DEF,M3.1.0,M4.1.0/",
        "ABC0DEF,M3.1.0,M4.1.0 ", "<ABC0", "ABC0DEF1M3.1.0,M4.1.0", "99999999999999999999",
    ])
    func `a file with a malformed footer is rejected`(footer: String) {
        #expect(
            TimeZoneRules(identifier: "Some/Where", compiled: compiled(offsets: [0], footer: footer)) == nil)
    }

    @Test func `a file that is truncated or counts leap seconds is rejected`() {
        let whole = compiled(
            [(1_000_000_000, 1), (1_100_000_000, 0)], offsets: [0, 3_600], footer: "ABC0")
        #expect(TimeZoneRules(identifier: "Some/Where", compiled: whole) != nil)
        for length in 0..<whole.count {
            let part = Array(whole[..<length])
            #expect(TimeZoneRules(identifier: "Some/Where", compiled: part) == nil, "\(length) bytes")
        }
        let withLeapSeconds = compiled(offsets: [0], footer: "ABC0", leapSeconds: 1)
        #expect(TimeZoneRules(identifier: "Some/Where", compiled: withLeapSeconds) == nil)
    }

    @Test func `a file with one corrupt byte is rejected or yields valid offsets`() {
        let whole = compiled([(1_000_000_000, 1)], offsets: [0, 3_600], footer: "ABC0DEF,M3.5.0,M10.5.0")
        for position in whole.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = whole
                damaged[position] = value
                guard let rules = TimeZoneRules(identifier: "Some/Where", compiled: damaged) else { continue }
                #expect(rules.transitions.allSatisfy { (-86_399...86_399).contains($0.offset) })
            }
        }
    }
}
