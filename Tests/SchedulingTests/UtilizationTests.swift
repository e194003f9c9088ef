// The appointments offered on a day, compared with the grid itself, and rates in basis points.
import Scheduling
import TestRandom
import Testing

@Suite struct UtilizationTests {
    private func hours(_ opens: Int64, _ closes: Int64) throws -> OpeningHours {
        let (opens, closes) = (MinuteOfDay(minutes: opens), MinuteOfDay(minutes: closes))
        let (first, last) = (try #require(opens), try #require(closes))
        return try #require(OpeningHours(opens: first, closes: last))
    }

    @Test(
        arguments: [
            (30, 540, 1_020, 16), (30, 0, 1_440, 48), (50, 0, 1_440, 28), (45, 545, 700, 2), (240, 1, 479, 0),
            (240, 1, 480, 1), (30, 540, 540, 0), (30, 541, 571, 0), (5, 0, 5, 1),
        ] as [(Int64, Int64, Int64, Int64)])
    func `an ordinary day offers as many appointments as fit on the grid`(
        slot: Int64, opens: Int64, closes: Int64, count: Int64
    ) throws {
        let grid = try #require(SlotGrid(slotMinutes: slot))
        let day = try #require(CivilDate(year: 2026, month: 6, day: 1))
        #expect(
            grid.appointmentCount(on: day, hours: try hours(opens, closes), in: .utc) == count)
    }

    @Test func `hours that begin or end at a skipped time offer only the time that occurs`() throws {
        // In Sydney 02:00 to 03:00 does not occur on this day.
        let day = try #require(CivilDate(year: 2026, month: 10, day: 4))
        let grid = try #require(SlotGrid(slotMinutes: 10))
        for (opens, closes, count) in [(150, 240, 6), (60, 150, 6), (130, 170, 0), (60, 240, 12)]
            as [(Int64, Int64, Int64)]
        {
            #expect(
                grid.appointmentCount(on: day, hours: try hours(opens, closes), in: Zones.sydney) == count)
        }
    }

    @Test func `every day of the year offers as many appointments as can be booked in a row`() throws {
        var generator = SeededGenerator(printing: "offers")
        for zone in [Zones.sydney, Zones.lordHowe] {
            for number: Int64 in 0..<365 {
                let day = try #require(CivilDate(year: 2026, month: 1, day: 1)?.adding(days: number))
                let slot = Int64.random(in: 5...240, using: &generator)
                let opens = Int64.random(in: 0...400, using: &generator)
                let open = try hours(opens, .random(in: opens...1_440, using: &generator))
                let grid = try #require(SlotGrid(slotMinutes: slot))
                // Counts minute by minute with nothing but `slot(startingAt:)`.
                var count: Int64 = 0
                if let period = open.period(on: day, in: zone) {
                    var free = period.lowerBound
                    var minute: Instant? = period.lowerBound
                    while let start = minute, start < period.upperBound {
                        if start >= free, let slot = grid.slot(startingAt: start, in: zone),
                            slot.end <= period.upperBound
                        {
                            count += 1
                            free = slot.end
                        }
                        minute = start.adding(seconds: 60)
                    }
                }
                let counted = grid.appointmentCount(on: day, hours: open, in: zone)
                if counted != count {
                    Issue.record("\(zone.identifier) \(day) \(open) \(slot): \(counted), \(count)")
                }
            }
        }
    }

    @Test func `rates are rounded half up and are zero without appointments`() {
        #expect(AppointmentCounts(attended: 7, missed: 1).noShowBasisPoints == 1_250)
        #expect(AppointmentCounts(attended: 2, missed: 1).noShowBasisPoints == 3_333)
        #expect(AppointmentCounts(attended: 1, missed: 2).noShowBasisPoints == 6_667)
        #expect(AppointmentCounts().noShowBasisPoints == 0)
        #expect(AppointmentCounts(booked: 3).bookedBasisPoints(offered: 0) == 0)
        #expect(AppointmentCounts(booked: 3).bookedBasisPoints(offered: 16) == 1_875)
    }
}
