// A believable clinic to try things on: its people, and how they work. What they did is in DemoVisits.

internal import ClinicService
internal import ClinicStore
internal import Scheduling

/// The same clinic for the same day, whoever makes it.
struct DemoClinic {
    static let password = "demo-password"

    let settings: ClinicSettings
    let now: Instant
    let weeks: Int64
    private let today: CivilDate
    private let passwordHash: String

    /// A clinic that has been open for so many weeks, with patients who all have this password.
    init(settings: ClinicSettings, now: Instant, weeks: Int64, passwordHash: String) throws {
        guard let today = settings.zone.localDateTime(at: now)?.date else {
            throw Failure("the clock is wrong")
        }
        self.settings = settings
        self.now = now
        self.weeks = weeks
        self.today = today
        self.passwordHash = passwordHash
    }

    /// All of it, up to this moment.
    func history() throws -> ClinicHistory {
        // Appointments are made up to four weeks ahead, so the first are made that long before the first day.
        guard let founded = today.adding(days: -7 * weeks - 28), let first = today.adding(days: -7 * weeks),
            let last = today.adding(days: 29), let opening = settings.zone.moment(.midnight, on: founded)
        else { throw Failure("the clock is wrong") }
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
            throw Failure("the clock is wrong")
        }
        // Every fifth doctor is away for a week, one after the other; the last ones when these weeks are over.
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

    /// Emergency works in two shifts on all days; the others see patients on three or four weekdays, some of them only
    /// in the mornings, and general practice on Saturdays too.
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
        else { throw Failure("\(opens)-\(closes) are no hours") }
        return hours
    }

    private func patient(_ place: Int) -> UserStore.Draft {
        // The first have names that a person can remember; the others every pair of names once.
        let (count, other) = (Self.firstNames.count, place - Self.patientNames.count)
        let (first, last) =
            other < 0
            ? Self.patientNames[place]
            : (Self.firstNames[other % count], Self.lastNames[(other + other / count) % Self.lastNames.count])
        return UserStore.Draft(
            firstName: first, lastName: last, phone: "+614000\(10_000 + place)",
            email: "\(first).\(last)@example.org".lowercased(), passwordHash: passwordHash)
    }

    /// How many patients there can be.
    static let patientLimit = patientNames.count + firstNames.count * lastNames.count
}

extension DemoClinic {
    private typealias DepartmentRow = (
        name: String, opens: String, closes: String, fee: Int64, slotMinutes: Int64, isGSTFree: Bool
    )

    private static let departmentRows: [DepartmentRow] = [
        ("Cardiology", "08:00", "17:00", 28_500, 30, false),
        ("Dermatology", "09:00", "17:30", 21_000, 15, false),
        ("Emergency", "00:00", "24:00", 18_000, 20, true),
        ("General Practice", "07:30", "20:00", 9_250, 15, true),
        ("Neurology", "08:00", "16:00", 33_000, 60, false),
        ("Obstetrics", "08:00", "18:00", 24_000, 30, true),
        ("Paediatrics", "08:00", "18:00", 16_500, 20, true),
        ("Radiology", "07:00", "19:00", 20_099, 30, false),
    ]

    private static let doctorNames = [
        ["Amelia Hart", "Rohan Mehta", "Grace Okafor", "Luca Ferrari", "Wei Zhang"],
        ["Isla Campbell", "Tomás Herrera", "Priya Nair", "Henrik Olsen", "Mina Park"],
        ["Noah Bennett", "Fatima Al-Sayed", "Jack Murphy", "Aiko Tanaka", "Samuel Adeyemi"],
        ["Olivia Chen", "Daniel Kowalski", "Ruby Walker", "Arjun Singh", "Chloé Martin"],
        ["Ethan Brooks", "Zara Hussain", "Mateo Silva", "Hannah Weiss", "Kenji Mori"],
        ["Sophie Laurent", "Thandiwe Ndlovu", "Emma Jensen", "Leila Haddad", "Maria Rossi"],
        ["Lucas Nguyen", "Freya Larsen", "Omar Farouk", "Ella Thompson", "Ravi Patel"],
        ["Charlotte Evans", "Ivan Petrov", "Mei Lin", "Patrick O'Brien", "Nadia Rahman"],
    ]

    private static let patientNames = [
        ("Alice", "Nguyen"), ("Ben", "Carter"), ("Chandra", "Rao"), ("Dina", "Haddad"), ("Erik", "Lund"),
        ("Fiona", "Mackay"),
    ]

    private static let firstNames = [
        "Aaron", "Bella", "Carlos", "Daisy", "Elias", "Flora", "George", "Hana", "Ismail", "Julia", "Kofi",
        "Lena",
        "Marco", "Nora", "Oscar", "Petra", "Quentin", "Rosa", "Stefan", "Tara", "Uma", "Viktor", "Wendy",
        "Xin",
        "Yusuf", "Zoe", "Adam", "Bianca", "Connor", "Divya", "Emil", "Farah",
    ]

    private static let lastNames = [
        "Abbott", "Baker", "Costa", "Dalton", "Eriksen", "Fischer", "Garcia", "Hughes", "Ito", "Jones",
        "Kaya", "Lewis",
        "Moretti", "Novak", "Ortiz", "Pham", "Quinn", "Roberts", "Sato", "Taylor", "Ueda", "Vargas", "White",
        "Xu",
        "Young", "Zimmer", "Ali", "Bauer", "Clarke", "Diaz", "Evans", "Fraser",
    ]
}
