// Compares slot searches with `decideAppointment` minute by minute: a search returns exactly what can be booked,
// also on days with a clock change.
import Scheduling
import TestRandom
import Testing

@Suite struct SlotSearchTests {
    /// A zone that changes at midnight: there is no 00:30 on 1 March 2026, and 23:30 comes twice on 31 October.
    private static let midnight = TimeZoneRules(
        identifier: "Test/Midnight", initialOffset: 0,
        transitions: [
            TimeZoneTransition(secondsSinceEpoch: 1_772_323_200, offset: 3_600),
            TimeZoneTransition(secondsSinceEpoch: 1_793_574_000, offset: 0),
        ])

    private func calendar(
        _ slotMinutes: Int64 = 30, opens: String = "00:00", closes: String = "24:00",
        week: WeeklyHours = .sameAsDepartment, expiry: String = "2099-12-31", timeOff: [Range<Instant>] = [],
        busy: [Range<Instant>] = []
    ) throws -> DoctorCalendar {
        DoctorCalendar(
            grid: try #require(SlotGrid(slotMinutes: slotMinutes)), hours: try hours(opens, closes),
            weeklyHours: week, registrationExpiry: try date(expiry), timeOff: timeOff, busy: busy)
    }

    /// The slots of every minute that `decideAppointment` accepts and that overlap nothing busy.
    private func bookable(
        _ doctor: DoctorCalendar, _ period: Range<Instant>, now: Instant, _ zone: TimeZoneRules
    ) -> [AppointmentSlot] {
        stride(from: period.lowerBound.secondsSinceEpoch, to: period.upperBound.secondsSinceEpoch, by: 60)
            .compactMap { second in
                guard let start = Instant(secondsSinceEpoch: second),
                    let slot = try? decideAppointment(
                        start: start, now: now, grid: doctor.grid, hours: doctor.hours,
                        weeklyHours: doctor.weeklyHours, timeOff: doctor.timeOff,
                        registrationExpiry: doctor.registrationExpiry, zone: zone)
                else { return nil }
                return doctor.busy.contains { $0.lowerBound < slot.end && slot.start < $0.upperBound }
                    ? nil : slot
            }
    }

    private func search(_ from: String, _ to: String, now: Instant, _ zone: TimeZoneRules) throws
        -> SlotSearch
    {
        try #require(try SlotSearch(from: date(from), to: date(to), now: now, zone: zone))
    }

    @Test(arguments: [
        (Zones.sydney, "2026-04-04", "2026-04-06"), (Zones.sydney, "2026-10-03", "2026-10-05"),
        (Zones.lordHowe, "2026-04-04", "2026-04-06"), (Zones.lordHowe, "2026-10-03", "2026-10-05"),
        (midnight ?? .utc, "2026-02-28", "2026-03-02"), (midnight ?? .utc, "2026-10-31", "2026-11-02"),
    ])
    func `a search finds exactly the bookable slots, also around clock changes`(
        zone: TimeZoneRules, from: String, to: String
    ) throws {
        let now = try instant("\(from.suffix(2))/\(from.dropFirst(5).prefix(2))/2026 00:10:00", zone)
        let search = try search(from, to, now: now, zone)
        for minutes: Int64 in [5, 15, 20, 30, 45, 50, 60, 90, 120, 240] {
            for (opens, closes) in [
                ("00:00", "24:00"), ("09:00", "17:00"), ("01:45", "02:15"), ("02:30", "10:00"),
                ("00:30", "03:05"),
            ] {
                let doctor = try calendar(minutes, opens: opens, closes: closes)
                let expected = bookable(doctor, search.period, now: now, zone)
                let found = search.freeSlots(of: doctor, limit: .max)
                #expect(found.slots == expected, "\(minutes) minutes, \(opens)-\(closes)")
                #expect(found.hasMore == false)
                #expect((found.obstacle == nil) == !expected.isEmpty)
            }
        }
    }

    @Test func `a day with a clock change has correspondingly more or fewer slots`() throws {
        for (zone, day, count) in [
            (Zones.sydney, "2026-04-05", 50), (Zones.sydney, "2026-10-04", 46),
            (Zones.sydney, "2026-10-05", 48),
            (Zones.lordHowe, "2026-04-05", 49), (Zones.lordHowe, "2026-10-04", 47),
        ] {
            let search = try search(
                day, day, now: instant("01/\(day.dropFirst(5).prefix(2))/2026 08:00:00", zone), zone)
            #expect(search.freeSlots(of: try calendar(), limit: .max).slots.count == count)
        }
    }

    @Test func `a search of random calendars finds exactly the bookable slots`() throws {
        var random = SeededGenerator(printing: "random calendars")
        for _ in 0..<60 {
            let zone = Bool.random(using: &random) ? Zones.sydney : Zones.lordHowe
            let now = try instant(
                "\(["02/04", "02/10", "20/06"].randomElement(using: &random) ?? "")/2026 07:41:13", zone)
            let today = try #require(zone.localDateTime(at: now)?.date)
            let first = try #require(today.adding(days: .random(in: -2...31, using: &random)))
            let last = try #require(first.adding(days: .random(in: 0...3, using: &random)))
            let search = try #require(SlotSearch(from: first, to: last, now: now, zone: zone))
            let length =
                search.period.upperBound.secondsSinceEpoch - search.period.lowerBound.secondsSinceEpoch
            func periods(_ count: Int) -> [Range<Instant>] {
                (0..<count).compactMap { _ in
                    let from = search.period.lowerBound.adding(
                        seconds: .random(in: -7_200...length, using: &random) / 300 * 300)
                    guard let from, let to = from.adding(seconds: .random(in: 1...60, using: &random) * 300)
                    else {
                        return nil
                    }
                    return from..<to
                }
            }
            let minutes = Int64.random(in: 5...240, using: &random)
            let week = try WeeklyHours(
                Weekday.allCases.filter { _ in Bool.random(using: &random) }.flatMap { day in
                    [
                        HoursOfDay(day: day, hours: try hours("08:00", "12:30")),
                        HoursOfDay(day: day, hours: try hours("13:00", "23:00")),
                    ]
                })
            let busy = periods(6).sorted { $0.lowerBound < $1.lowerBound }
            let doctor = try calendar(
                minutes, opens: "06:00", closes: "22:00",
                week: Bool.random(using: &random) ? week : .sameAsDepartment,
                expiry: Bool.random(using: &random) ? "2099-01-01" : last.description, timeOff: periods(3),
                busy: busy)
            let expected = bookable(doctor, search.period, now: now, zone)
            let found = search.freeSlots(of: doctor, limit: .max)
            #expect(found.slots == expected)
            #expect((found.obstacle == nil) == !expected.isEmpty)
        }
    }

    @Test func `a search returns at most the limit and reports whether there are more`() throws {
        let search = try search(
            "2026-11-24", "2026-11-24", now: instant("20/11/2026 08:00:00", Zones.sydney), Zones.sydney)
        let doctor = try calendar(opens: "09:00", closes: "11:00")
        #expect(search.freeSlots(of: doctor, limit: 3).slots.count == 3)
        #expect(search.freeSlots(of: doctor, limit: 3).hasMore)
        #expect(search.freeSlots(of: doctor, limit: 4).hasMore == false)
    }

    @Test func `a search without a result reports the obstacle nearest to a free slot`() throws {
        let zone = Zones.sydney
        let now = try instant("20/11/2026 12:00:00", zone)
        func obstacle(
            _ from: String, _ to: String, _ change: (inout DoctorCalendar) throws -> Void = { _ in }
        ) throws -> SlotObstacle? {
            var doctor = try calendar(opens: "09:00", closes: "17:00")
            try change(&doctor)
            return try search(from, to, now: now, zone).freeSlots(of: doctor, limit: 10).obstacle
        }
        let day = try instant("24/11/2026 00:00:00", zone)..<instant("25/11/2026 00:00:00", zone)
        #expect(try obstacle("2026-11-24", "2026-11-24") == nil)
        #expect(try obstacle("2026-11-18", "2026-11-19") == .outOfWindow)
        #expect(try obstacle("2026-12-21", "2026-12-31") == .outOfWindow)
        #expect(
            try obstacle("2026-11-24", "2026-11-24") { $0.hours = try hours("09:00", "09:00") } == .closed)
        #expect(
            try obstacle("2026-11-24", "2026-11-24") {
                $0.weeklyHours = try WeeklyHours([HoursOfDay(day: .monday, hours: hours("09:00", "12:00"))])
            } == .closed)
        #expect(try obstacle("2026-11-24", "2026-11-24") { $0.timeOff = [day] } == .timeOff)
        #expect(
            try obstacle("2026-11-24", "2026-11-24") { $0.registrationExpiry = try date("2026-11-23") }
                == .registrationExpired)
        #expect(try obstacle("2026-11-24", "2026-11-24") { $0.busy = [day] } == .full)
        // Fully booked on one day counts as nearer than time off on the next.
        #expect(
            try obstacle("2026-11-24", "2026-11-25") {
                $0.busy = [day]
                $0.timeOff = [try instant("25/11/2026 00:00:00", zone)..<instant("26/11/2026 00:00:00", zone)]
            } == .full)
    }

    @Test func `days in the wrong order, too many, or outside the calendar are rejected`() throws {
        let now = Instant(microsecondsSinceEpoch: 0)
        func search(_ from: String, _ to: String) throws -> SlotSearch? {
            try SlotSearch(from: date(from), to: date(to), now: now, zone: Zones.sydney)
        }
        #expect(try search("2026-11-24", "2026-12-24") != nil)
        #expect(try search("2026-11-24", "2026-12-25") == nil)
        #expect(try search("2026-11-24", "2026-11-23") == nil)
        #expect(try search("9999-12-31", "9999-12-31") == nil)
        _ = try search("0001-01-01", "0001-01-02")
    }

    @Test(arguments: extremes) func `no current time causes a trap`(number: Int64) throws {
        for day in ["0001-01-01", "1970-01-01", "9999-12-30"] {
            let search = try SlotSearch(
                from: date(day), to: date(day), now: Instant(microsecondsSinceEpoch: number),
                zone: Zones.sydney)
            _ = try search?.freeSlots(of: calendar(), limit: 5)
        }
    }
}
