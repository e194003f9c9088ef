// A believable clinic to try things on, made through the same stores and rules as the real one.

internal import Bcrypt
internal import ClinicService
internal import ClinicStore
internal import PostgreSQL
internal import Scheduling

struct DemoClinic {
    static let password = "demo-password"

    private let settings: ClinicSettings
    private let passwords: BcryptPool
    private let departments: DepartmentStore
    private let doctors: DoctorStore
    private let users: UserStore
    private let bookings: BookingStore
    private let transactions: TransactionStore
    private let origin = Origin(actorID: nil, method: "clinicd/seed-demo")
    private let now = Instant.now

    init(settings: ClinicSettings, database: Database, passwords: BcryptPool) {
        self.settings = settings
        self.passwords = passwords
        departments = DepartmentStore(database: database)
        doctors = DoctorStore(database: database)
        users = UserStore(database: database)
        bookings = BookingStore(database: database)
        transactions = TransactionStore(database: database)
    }

    /// Fills the database and says with how much.
    func fill() async throws -> String {
        guard try await departments.list(after: nil, limit: 1).isEmpty else {
            throw Failure("the database has departments already; seed-demo fills an empty one only")
        }
        let staff = try await makeDoctors()
        let patients = try await makePatients()
        let booked = try await makeBookings(of: patients, with: staff)
        return
            "made \(Self.departmentRows.count) departments, \(staff.count) doctors, \(patients.count) patients and "
            + "\(booked) bookings"
    }

    private func makeDoctors() async throws -> [Int64] {
        guard let today = settings.zone.localDateTime(at: now)?.date else {
            throw Failure("the clock is wrong")
        }
        var ids: [Int64] = []
        for (row, names) in zip(Self.departmentRows, Self.doctorNames) {
            guard let opens = MinuteOfDay(parsing: row.opens),
                let closes = MinuteOfDay(parsing: row.closes, allowingEndOfDay: true),
                let hours = OpeningHours(opens: opens, closes: closes)
            else { throw Failure("\(row.name) has no hours") }
            let department = try await departments.create(
                DepartmentStore.Draft(name: row.name, nameKey: row.name.lowercased(), hours: hours),
                today: today,
                origin: origin)
            for name in names {
                let number = Int64(ids.count)
                guard let expiry = today.adding(days: 400 + 17 * number) else {
                    throw Failure("the clock is wrong")
                }
                let doctor = try await doctors.register(
                    DoctorStore.Draft(
                        departmentID: department.id, fullName: "Dr \(name)",
                        registrationNumber: "MED000\(1_204_371 + 7919 * number)", registrationExpiry: expiry,
                        fee: row.fee + 1500 * (number % 3), slotMinutes: row.slotMinutes,
                        isGSTFree: row.isGSTFree),
                    origin: origin)
                ids.append(doctor.id)
            }
        }
        return ids
    }

    private func makePatients() async throws -> [Int64] {
        var ids: [Int64] = []
        for (first, last) in Self.patientNames {
            let user = try await users.create(
                UserStore.Draft(
                    firstName: first, lastName: last, phone: "+6140000\(1000 + ids.count)",
                    email: "\(first).\(last)@example.org".lowercased(),
                    passwordHash: try await passwords.hash(Self.password)),
                origin: origin)
            ids.append(user.id)
        }
        return ids
    }

    /// Two appointments for every patient in the days to come: the first paid, every third of them cancelled.
    private func makeBookings(of patients: [Int64], with doctors: [Int64]) async throws -> Int {
        var count = 0
        for (index, patient) in patients.enumerated() {
            for visit in 0..<2 {
                let doctor = doctors[(index * 7 + visit * 13) % doctors.count]
                let booking = try await book(
                    patient, with: doctor, daysAhead: Int64(2 + index + 5 * visit), slot: Int64(index))
                count += 1
                if visit == 0 {
                    _ = try await transactions.pay(bookingID: booking.id, ownerID: patient, origin: origin)
                }
                if index % 3 == 2 && visit == 1 {
                    let cancelling = try StatusChangeConditions(
                        movingTo: .cancelled, by: .owner, now: now,
                        fullRefundBefore: settings.fullRefundBefore)
                    _ = try await bookings.updateStatus(
                        booking.id, ownerID: patient, version: nil, conditions: cancelling, origin: origin)
                }
            }
        }
        return count
    }

    private func book(
        _ patient: Int64, with doctor: Int64, daysAhead: Int64, slot: Int64
    ) async throws -> BookingRecord {
        let terms = try await self.doctors.terms(doctor, start: now)
        guard let grid = SlotGrid(slotMinutes: terms.slotMinutes),
            let day = settings.zone.localDateTime(at: now)?.date.adding(days: daysAhead),
            let opening = settings.zone.moment(terms.hours.opens, on: day),
            let start = opening.adding(seconds: slot * terms.slotMinutes * 60)
        else { throw Failure("the clock is wrong") }
        let appointment = try decideAppointment(
            start: start, now: now, grid: grid, hours: terms.hours,
            registrationExpiry: terms.registrationExpiry,
            zone: settings.zone)
        return try await bookings.book(
            Appointment(
                slot: appointment, price: (terms.isGSTFree ? .free : settings.gst).price(fee: terms.fee),
                terms: terms),
            userID: patient, origin: origin)
    }
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
}
