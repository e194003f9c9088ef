// The grid of starts and the neighbours of an instant, on ordinary days and on days with a clock change.
import Scheduling
import TestRandom
import Testing

@Suite struct SlotGridTests {
    @Test(arguments: [(0, 30), (5, 5), (240, 240)])
    func `a slot is five minutes to four hours long, thirty minutes by default`(given: Int64, minutes: Int) {
        #expect(SlotGrid(slotMinutes: given)?.slotMinutes == minutes)
    }

    @Test(arguments: [-1, 1, 4, 241, Int64.min, Int64.max])
    func `any other slot length is rejected`(given: Int64) {
        #expect(SlotGrid(slotMinutes: given) == nil)
    }

    @Test func `a slot on the grid ends one slot later`() throws {
        let grid = try #require(SlotGrid(slotMinutes: 45))
        let start = try instant("24/11/2026 09:45:00", Zones.sydney)
        let slot = try #require(grid.slot(startingAt: start, in: Zones.sydney))
        #expect(slot.end == start.adding(seconds: 45 * 60))
    }

    @Test func `a start a microsecond, a second or a minute off is not on the grid`() throws {
        let grid = try #require(SlotGrid(slotMinutes: 30))
        let start = try instant("24/11/2026 09:30:00", Zones.sydney)
        for off: Int64 in [1, -1, 1_000_000, 60_000_000] {
            let moment = try #require(start.adding(microseconds: off))
            #expect(grid.slot(startingAt: moment, in: Zones.sydney) == nil)
        }
        let late = try #require(start.adding(microseconds: 1))
        #expect(grid.start(before: late, in: Zones.sydney) == start)
        let early = try #require(start.adding(microseconds: -1))
        #expect(grid.start(after: early, in: Zones.sydney) == start)
    }

    /// Slot minutes, an instant, and the grid starts before and after it, in local time of Sydney.
    @Test(arguments: [
        (30, "24/11/2026 09:10:00", "24/11/2026 09:00:00", "24/11/2026 09:30:00"),
        // 50 minutes do not divide a day: the grid begins again at midnight.
        (50, "24/11/2026 23:55:00", "24/11/2026 23:20:00", "25/11/2026 00:00:00"),
        (240, "24/11/2026 23:55:00", "24/11/2026 20:00:00", "25/11/2026 00:00:00"),
        // The hour 02:00 to 03:00 is skipped: what follows 01:30 is 03:00.
        (30, "04/10/2026 01:40:00", "04/10/2026 01:30:00", "04/10/2026 03:00:00"),
        (30, "04/10/2026 03:10:00", "04/10/2026 03:00:00", "04/10/2026 03:30:00"),
        // Every two hours: 00:00, then 02:00 does not exist, then 04:00.
        (120, "04/10/2026 03:10:00", "04/10/2026 00:00:00", "04/10/2026 04:00:00"),
        (120, "04/10/2026 01:10:00", "04/10/2026 00:00:00", "04/10/2026 04:00:00"),
    ])
    func `the nearest starts before and after are found`(
        minutes: Int64, start: String, before: String, after: String
    ) throws {
        let grid = try #require(SlotGrid(slotMinutes: minutes))
        let moment = try instant(start, Zones.sydney)
        #expect(grid.slot(startingAt: moment, in: Zones.sydney) == nil)
        #expect(try grid.start(before: moment, in: Zones.sydney) == instant(before, Zones.sydney))
        #expect(try grid.start(after: moment, in: Zones.sydney) == instant(after, Zones.sydney))
    }

    @Test func `a repeated hour has starts in both passes`() throws {
        let grid = try #require(SlotGrid(slotMinutes: 60))
        let zone = Zones.sydney
        // 02:00 summer time is 15:00 UTC, 02:00 standard time 16:00 UTC.
        let first = try instant("04/04/2026 15:00:00", .utc)
        let second = try instant("04/04/2026 16:00:00", .utc)
        #expect(grid.slot(startingAt: first, in: zone)?.end == second)
        #expect(grid.slot(startingAt: second, in: zone) != nil)
        let between = try instant("04/04/2026 15:40:00", .utc)
        #expect(grid.start(before: between, in: zone) == first)
        #expect(grid.start(after: between, in: zone) == second)
    }

    @Test func `setting the clock back half an hour repeats no full hour`() throws {
        let grid = try #require(SlotGrid(slotMinutes: 60))
        // 01:45 on the first pass: the clock goes from 02:00 back to 01:30, so the next full hour is 45 minutes off.
        let moment = try instant("05/04/2026 01:45:00", Zones.lordHowe)
        let after = try #require(grid.start(after: moment, in: Zones.lordHowe))
        #expect(after == moment.adding(seconds: 45 * 60))
        #expect(Zones.lordHowe.localDateTime(at: after)?.description == "05/04/2026 02:00:00")
    }

    @Test(arguments: [Zones.sydney, Zones.lordHowe])
    func `the nearest starts agree with a search minute by minute`(zone: TimeZoneRules) throws {
        var generator = SeededGenerator(printing: "neighbours in \(zone.identifier)")
        for _ in 0..<400 {
            let grid = try #require(SlotGrid(slotMinutes: .random(in: 5...240, using: &generator)))
            let transition = try #require(zone.transitions.randomElement(using: &generator))
            let offset = Int64.random(in: -600...600, using: &generator) * 60
            let moment = try #require(Instant(secondsSinceEpoch: transition.secondsSinceEpoch + offset))
            func search(step: Int64) throws -> Instant {
                var probe = try #require(moment.adding(seconds: step))
                while grid.slot(startingAt: probe, in: zone) == nil {
                    probe = try #require(probe.adding(seconds: step))
                }
                return probe
            }
            #expect(try grid.start(before: moment, in: zone) == search(step: -60), "\(grid) \(moment)")
            #expect(try grid.start(after: moment, in: zone) == search(step: 60), "\(grid) \(moment)")
        }
    }

    @Test(arguments: extremes) func `no instant causes a trap`(microseconds: Int64) throws {
        let moment = Instant(microsecondsSinceEpoch: microseconds)
        for minutes: Int64 in [5, 7, 240] {
            let grid = try #require(SlotGrid(slotMinutes: minutes))
            _ = grid.slot(startingAt: moment, in: Zones.sydney)
            _ = grid.start(before: moment, in: Zones.sydney)
            _ = grid.start(after: moment, in: Zones.sydney)
        }
    }
}
