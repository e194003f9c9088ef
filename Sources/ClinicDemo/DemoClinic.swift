// An invented clinic to try things on: its departments, doctors and patients, and their hours. Their visits are in
// DemoVisits, their names in DemoNames.
//
// The service refuses to book in the past, so the demo's weeks of history cannot come through it: they are written by
// ClinicStore's import of a ClinicHistory, which holds the SQL.

public import ClinicService
public import ClinicStore
public import Scheduling

/// The clock or the time zone cannot express a day of the demo.
public struct DemoCalendarError: Error, CustomStringConvertible {
    /// The error in words for an administrator.
    public let description = "the clock is wrong"
}

/// An invented clinic; on the same day it is the same every time.
public struct DemoClinic: Sendable {
    /// The password of all patients.
    public static let password = "demo-password"

    let settings: ClinicSettings
    let now: Instant
    private let weeks: Int64
    private let today: CivilDate
    private let passwordHash: String

    /// A clinic that has been open for a number of weeks, whose patients have the password with this hash. Throws
    /// `DemoCalendarError`.
    public init(settings: ClinicSettings, now: Instant, weeks: Int64, passwordHash: String) throws {
        guard let today = settings.zone.localDateTime(at: now)?.date else { throw DemoCalendarError() }
        self.settings = settings
        self.now = now
        self.weeks = weeks
        self.today = today
        self.passwordHash = passwordHash
    }

    /// Its whole history up to now, ready to be written to an empty database. Throws `DemoCalendarError`.
    public func history() throws -> ClinicHistory {
        // Appointments are made up to four weeks ahead, so the first are made that long before the first day.
        guard let founded = today.adding(days: -7 * weeks - 28), let first = today.adding(days: -7 * weeks),
            let last = today.adding(days: 29), let opening = settings.zone.moment(.midnight, on: founded)
        else { throw DemoCalendarError() }
        var history = ClinicHistory(method: "clinicd/seed-demo")
        for row in Self.departmentRows {
            history.departments.append(
                .init(
                    DepartmentStore.Draft(
                        name: row.name, nameKey: row.name.lowercased(),
                        hours: try Self.hours(row.opens, row.closes)),
                    on: founded, at: opening))
        }
        for (department, names) in Self.doctorNames.enumerated() {
            for (place, name) in names.enumerated() {
                history.doctors.append(
                    try doctor(name, place, department, number: history.doctors.count, first, opening))
            }
        }
        var visits = DemoVisits(
            of: self, doctors: history.doctors, hours: history.departments.map(\.draft.hours))
        history.bookings = try visits.make(from: first, to: last, opening: opening)
        history.patients = visits.signUps.enumerated().map { place, moment in
            .init(patient(place), at: moment)
        }
        return history
    }

    private func doctor(
        _ name: String, _ place: Int, _ department: Int, number: Int, _ first: CivilDate, _ opening: Instant
    ) throws -> ClinicHistory.Doctor {
        let row = Self.departmentRows[department]
        guard let expiry = today.adding(days: 400 + 17 * Int64(number)) else {
            throw DemoCalendarError()
        }
        // Every fifth doctor is away for a week, one after another; the last weeks lie in the future.
        var timeOff: [Range<Instant>] = []
        if number % 5 == 3, let leaves = first.adding(days: Int64(number / 5) * 7 * (weeks + 3) / 8),
            let returns = leaves.adding(days: 6), let start = settings.zone.moment(.midnight, on: leaves),
            let end = settings.zone.moment(.endOfDay, on: returns)
        {
            timeOff.append(start..<end)
        }
        return ClinicHistory.Doctor(
            DoctorStore.Draft(
                departmentID: Int64(department), fullName: "Dr \(name)",
                registrationNumber: "MED000\(1_204_371 + 7_919 * number)", registrationExpiry: expiry,
                fee: row.fee + 1_500 * Int64(number % 3), slotMinutes: row.slotMinutes,
                isGSTFree: row.isGSTFree),
            weeklyHours: try Self.week(place, of: row), timeOff: timeOff, at: opening)
    }

    /// Emergency doctors work one of two shifts on all days; the others see patients on three or four weekdays, some only
    /// in the mornings, and general practitioners on Saturdays too.
    private static func week(_ place: Int, of row: DepartmentRow) throws -> WeeklyHours {
        var entries: [HoursOfDay] = []
        func add(_ day: Int, _ opens: String, _ closes: String) throws {
            guard let day = Weekday(rawValue: day % 7) else { return }
            entries.append(HoursOfDay(day: day, hours: try hours(opens, closes)))
        }
        if row.opens == "00:00" {
            for day in 0..<4 {
                try place % 2 == 0
                    ? add(3 * place + day, "07:00", "13:00") : add(3 * place + day, "15:00", "21:00")
            }
        } else {
            for day in 0..<5 where (day + place) % 3 != 0 {
                try add(day, "09:00", "12:00")
                if (day + place) % 2 == 0 { try add(day, "13:00", "16:00") }
            }
            if row.name == "General Practice", place % 2 == 0 { try add(5, "09:00", "13:00") }
        }
        return try WeeklyHours(entries)
    }

    private static func hours(_ opens: String, _ closes: String) throws -> OpeningHours {
        guard let opens = MinuteOfDay(parsing: opens),
            let closes = MinuteOfDay(parsing: closes, allowingEndOfDay: true),
            let hours = OpeningHours(opens: opens, closes: closes)
        else { throw DemoCalendarError() }
        return hours
    }

    private func patient(_ place: Int) -> UserStore.Draft {
        // The first patients have memorable names; each other pair of names occurs once.
        let (count, other) = (Self.firstNames.count, place - Self.patientNames.count)
        let (first, last) =
            other < 0
            ? Self.patientNames[place]
            : (Self.firstNames[other % count], Self.lastNames[(other + other / count) % Self.lastNames.count])
        return UserStore.Draft(
            firstName: first, lastName: last, phone: "+614000\(10_000 + place)",
            email: "\(first).\(last)@example.org".lowercased(), passwordHash: passwordHash)
    }
}
