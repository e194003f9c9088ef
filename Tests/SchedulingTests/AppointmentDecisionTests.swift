// The rules for a start taken together: which rejection comes first, and the exact limits of each rule.
import Scheduling
import Testing

@Suite struct AppointmentDecisionTests {
    private func decide(
        _ start: String, now: String = "20/11/2026 08:00:00", slotMinutes: Int64 = 30,
        opens: String = "09:00", closes: String = "17:00", expiry: String = "2030-01-01",
        zone: TimeZoneRules = Zones.sydney
    ) throws -> AppointmentSlot {
        try decideAppointment(
            start: instant(start, zone), now: instant(now, zone),
            grid: #require(SlotGrid(slotMinutes: slotMinutes)), hours: hours(opens, closes),
            registrationExpiry: date(expiry), zone: zone)
    }

    @Test func `a valid start yields its slot`() throws {
        let slot = try decide("24/11/2026 10:00:00")
        #expect(slot.start == (try instant("24/11/2026 10:00:00", Zones.sydney)))
        #expect(slot.end == (try instant("24/11/2026 10:30:00", Zones.sydney)))
    }

    @Test func `the booking window includes now and thirty days ahead, but not a microsecond more`() throws {
        let now = try instant("20/11/2026 10:00:00", Zones.sydney)
        #expect(BookingWindow.contains(now, now: now))
        let last = try #require(now.adding(seconds: 30 * 86_400))
        #expect(BookingWindow.contains(last, now: now))
        #expect(try !BookingWindow.contains(#require(last.adding(microseconds: 1)), now: now))
        #expect(try !BookingWindow.contains(#require(now.adding(microseconds: -1)), now: now))
        _ = try decide("20/11/2026 10:00:00", now: "20/11/2026 10:00:00")
        _ = try decide("20/12/2026 10:00:00", now: "20/11/2026 10:00:00")
    }

    @Test func `thirty days are counted in hours across a clock change`() throws {
        // 20 March to 19 April 2026 crosses the end of summer time: 30 × 24 h end an hour earlier by local time.
        _ = try decide("19/04/2026 09:00:00", now: "20/03/2026 10:00:00")
        #expect(throws: AppointmentRefusal.outOfWindow) {
            try decide("19/04/2026 09:30:00", now: "20/03/2026 10:00:00")
        }
    }

    @Test(arguments: [
        "20/11/2026 07:30:00", "20/11/2025 10:00:00", "21/12/2026 10:00:00", "24/11/2036 10:00:00",
    ])
    func `a start in the past or beyond thirty days is out of the window`(start: String) {
        #expect(throws: AppointmentRefusal.outOfWindow) { try decide(start) }
    }

    @Test func `a start off the grid is rejected with the nearest starts on it`() throws {
        let expected = AppointmentRefusal.offGrid(
            slotMinutes: 30, before: try local("24/11/2026 10:00:00"), after: try local("24/11/2026 10:30:00")
        )
        #expect(throws: expected) { try decide("24/11/2026 10:15:00") }
    }

    @Test func `a slot must begin at opening or later and end at closing or earlier`() throws {
        _ = try decide("24/11/2026 09:00:00")
        _ = try decide("24/11/2026 16:30:00")
        let closed = AppointmentRefusal.closed(
            day: try date("2026-11-24"), hours: try hours("09:00", "17:00"))
        for start in ["24/11/2026 08:30:00", "24/11/2026 17:00:00", "24/11/2026 00:00:00"] {
            #expect(throws: closed) { try decide(start) }
        }
        // 45 minutes from 16:30 reach beyond 17:00.
        #expect(throws: closed) { try decide("24/11/2026 16:30:00", slotMinutes: 45) }
    }

    @Test func `equal opening and closing times mean closed all day`() throws {
        for start in ["24/11/2026 09:00:00", "24/11/2026 12:00:00"] {
            let refusal = #expect(throws: AppointmentRefusal.self) {
                try decide(start, opens: "09:00", closes: "09:00")
            }
            if case .closed = refusal { continue }
            Issue.record("\(String(describing: refusal))")
        }
    }

    @Test func `an end of 24 00 lets the last slot end at midnight`() throws {
        _ = try decide("24/11/2026 23:30:00", opens: "00:00", closes: "24:00")
        // 23:20 + 50 minutes would end after midnight.
        #expect(throws: AppointmentRefusal.self) {
            try decide("24/11/2026 23:20:00", slotMinutes: 50, opens: "00:00", closes: "24:00")
        }
    }

    @Test func `opening hours on the day of a clock change are local times`() throws {
        // The clock goes from 02:00 to 03:00: 01:30 lasts until 03:00, which is not after a closing of 02:00.
        let now = "01/10/2026 08:00:00"
        _ = try decide("04/10/2026 01:30:00", now: now, opens: "00:00", closes: "02:00")
        #expect(throws: AppointmentRefusal.self) {
            try decide("04/10/2026 03:00:00", now: now, opens: "00:00", closes: "02:30")
        }
        _ = try decide("04/10/2026 03:00:00", now: now, opens: "02:30", closes: "10:00")
        _ = try decide("05/04/2026 09:00:00", now: "01/04/2026 08:00:00")
    }

    @Test func `a registration covers its last day and no later one`() throws {
        _ = try decide("24/11/2026 10:00:00", expiry: "2026-11-24")
        let expired = AppointmentRefusal.registrationExpired(
            day: try date("2026-11-24"), expiry: try date("2026-11-23"))
        #expect(throws: expired) { try decide("24/11/2026 10:00:00", expiry: "2026-11-23") }
    }

    @Test func `the registration is compared with the local day of the visit`() throws {
        // 08:00 on the 25th in Sydney is still the 24th in UTC.
        #expect(throws: AppointmentRefusal.self) {
            try decide("25/11/2026 08:00:00", opens: "07:00", expiry: "2026-11-24")
        }
    }

    @Test
    func `the window is checked first, then the grid, the hours and the doctor`()
        throws
    {
        #expect(throws: AppointmentRefusal.outOfWindow) {
            try decide("24/11/2036 03:17:00", expiry: "2020-01-01")
        }
        let off = #expect(throws: AppointmentRefusal.self) {
            try decide("24/11/2026 03:17:00", expiry: "2020-01-01")
        }
        if case .offGrid = off {} else { Issue.record("\(String(describing: off))") }
        let closed = #expect(throws: AppointmentRefusal.self) {
            try decide("24/11/2026 03:30:00", expiry: "2020-01-01")
        }
        if case .closed = closed {} else { Issue.record("\(String(describing: closed))") }
    }

    @Test(arguments: extremes) func `no start and no current time cause a trap`(number: Int64) throws {
        for other in extremes {
            for minutes: Int64 in [5, 240] {
                _ = try? decideAppointment(
                    start: Instant(microsecondsSinceEpoch: number),
                    now: Instant(microsecondsSinceEpoch: other),
                    grid: #require(SlotGrid(slotMinutes: minutes)), hours: hours("00:00", "24:00"),
                    registrationExpiry: date("9999-12-31"), zone: Zones.sydney)
            }
        }
    }
}
