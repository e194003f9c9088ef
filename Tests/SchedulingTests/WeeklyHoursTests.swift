// A doctor's weekly hours: order, limits, database form, and their intersection with a department's hours.
import Scheduling
import Testing

@Suite struct WeeklyHoursTests {
    private func entry(_ day: Weekday, _ opens: String, _ closes: String) throws -> HoursOfDay {
        HoursOfDay(day: day, hours: try hours(opens, closes))
    }

    @Test(arguments: [
        ("1970-01-01", Weekday.thursday), ("1969-12-31", .wednesday), ("2026-11-24", .tuesday),
        ("2026-10-04", .sunday), ("0001-01-01", .monday), ("9999-12-31", .friday),
    ])
    func `a date has the right weekday`(day: String, weekday: Weekday) throws {
        #expect(try date(day).weekday == weekday)
    }

    @Test func `hours are kept in the order of the week and survive the database form`() throws {
        let week = try WeeklyHours([
            entry(.sunday, "20:00", "24:00"), entry(.monday, "13:00", "17:00"),
            entry(.monday, "09:00", "13:00"),
        ])
        #expect(week.minutesOfWeek == [540, 780, 780, 1020, 6 * 1440 + 1200, 10080])
        #expect(WeeklyHours(minutesOfWeek: week.minutesOfWeek) == week)
        #expect(WeeklyHours(minutesOfWeek: []) == .sameAsDepartment)
    }

    @Test(arguments: [
        [0], [5, 5], [10, 5], [0, 1441], [10_080, 10_081], [-1, 5], [0, 100, 50, 200], [.min, .max],
    ])
    func `numbers that form no valid week are rejected`(minutes: [Int64]) {
        #expect(WeeklyHours(minutesOfWeek: minutes) == nil)
    }

    @Test func `empty, overlapping or too many hours are rejected with their index`() throws {
        let morning = try entry(.friday, "09:00", "12:00")
        #expect(throws: WeeklyHoursError.empty(index: 1)) {
            try WeeklyHours([morning, entry(.monday, "09:00", "09:00")])
        }
        #expect(throws: WeeklyHoursError.overlapping(index: 0)) {
            try WeeklyHours([entry(.friday, "11:59", "13:00"), morning])
        }
        #expect(throws: WeeklyHoursError.tooMany) { try WeeklyHours(Array(repeating: morning, count: 51)) }
        // The same hours on two days, and hours that touch, do not overlap.
        _ = try WeeklyHours([morning, entry(.saturday, "09:00", "12:00"), entry(.friday, "12:00", "13:00")])
    }

    @Test func `a week narrows the department's hours and never widens them`() throws {
        let week = try WeeklyHours([entry(.tuesday, "07:00", "12:00"), entry(.tuesday, "16:00", "20:00")])
        let department = try hours("09:00", "17:00")
        #expect(
            try week.hours(on: date("2026-11-24"), within: department)
                == [hours("09:00", "12:00"), hours("16:00", "17:00")])
        #expect(try week.hours(on: date("2026-11-25"), within: department).isEmpty)
        #expect(try week.hours(on: date("2026-11-24"), within: hours("12:00", "16:00")).isEmpty)
        #expect(
            try WeeklyHours.sameAsDepartment.hours(on: date("2026-11-25"), within: department) == [department]
        )
        #expect(
            try WeeklyHours.sameAsDepartment.hours(on: date("2026-11-25"), within: hours("09:00", "09:00"))
                .isEmpty)
        #expect(week.firstOutside(department)?.hours.opens.description == "07:00")
        #expect(try week.firstOutside(hours("07:00", "20:00")) == nil)
    }
}
