// Doctors' weeks, their time off, and removing what still has bookings.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import Synchronization
import TestCluster
import Testing

@Suite struct DirectoryTests {
    private static let shared = Task { try await TestClinic() }

    private func scene() async throws -> (
        clinic: TestClinic, administrator: Session, doctor: Doctor, patient: Session
    ) {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        return (
            clinic, administrator, try await clinic.doctor(by: administrator), try await clinic.signUp()
        )
    }

    private func schedule(
        _ doctor: Doctor, _ hours: [WorkingHours], etag: String = "", by session: Session, key: String? = nil
    ) async throws -> Doctor {
        try await session.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(doctorID: doctor.id, weeklyHours: hours, etag: etag), key: key)
    }

    @Test func `a doctor and a department are read by anyone`() async throws {
        let (clinic, _, doctor, _) = try await scene()
        let anyone = try await clinic.connect()
        #expect(
            try await anyone.call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id))
                == doctor)
        let department = try await anyone.call(
            DepartmentServiceMethods.getDepartment,
            GetDepartmentRequest(departmentID: doctor.department?.id ?? 0))
        #expect(department.departmentName == doctor.department?.departmentName)
    }

    @Test func `a name is kept composed and without white space at its ends`() async throws {
        let (clinic, administrator, _, _) = try await scene()
        let number = clinic.next()
        let department = try await administrator.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "\u{A0}\tNe\u{301}phrologie  A\u{30A} \(number) \u{2003}\n",
                operatingStartHour: "08:00", operatingEndHour: "09:00"))
        // Bytes, since to Swift both spellings are equal.
        #expect(
            Array(department.departmentName.utf8) == Array("N\u{E9}phrologie  \u{C5} \(number)".utf8))
    }

    @Test func `a week narrows the hours, a new one replaces it, none clears it`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        // Every day but that of the search in two days.
        let closed = try #require(CivilDate(parsing: clinic.day())?.weekday)
        let days: [DayOfWeek] = [.monday, .tuesday, .wednesday, .thursday, .friday, .saturday, .sunday]
        let hours = days.enumerated().filter { $0.offset != closed.rawValue }.flatMap { _, day in
            [
                WorkingHours(day: day, startHour: "09:00", endHour: "12:00"),
                WorkingHours(day: day, startHour: "13:00", endHour: "24:00"),
            ]
        }
        let scheduled = try await schedule(
            doctor, hours.reversed(), by: administrator, key: "week \(doctor.id)")
        #expect(scheduled.weeklyHours == hours)
        #expect(scheduled.etag != doctor.etag)
        #expect(
            try await patient.call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id))
                == scheduled)

        let free = try await patient.search(doctor, day: clinic.day())
        #expect(free.slots.isEmpty && free.noSlotReason == .closed)
        #expect(try await patient.search(doctor, day: clinic.day(ahead: 3)).slots.count == 6 + 22)
        for (day, hour, fits) in [(2, 10, false), (3, 12, false), (3, 11, true), (3, 13, true)]
            as [(Int64, Int, Bool)]
        {
            let failure = try await status {
                _ = try await patient.book(doctor, at: clinic.dateTime(daysAhead: day, hour: hour))
            }
            #expect(failure?.errorInfo?.reason == (fits ? nil : "CLOSED"))
        }

        // An answer that was kept before there were weeks has none.
        try await clinic.run(
            "update clinic.idempotency_key set response = response - 'weekly_hours' where key = $1",
            [.text("week \(doctor.id)")])
        let kept = try await schedule(doctor, hours.reversed(), by: administrator, key: "week \(doctor.id)")
        #expect(kept.etag == scheduled.etag && kept.weeklyHours.isEmpty)

        #expect(try await schedule(doctor, [], etag: scheduled.etag, by: administrator).weeklyHours.isEmpty)
        #expect(try await patient.search(doctor, day: clinic.day()).slots.count == 48)
    }

    /// Sydney's clock goes back by an hour on 4 April 2027 and 2 April 2028.
    @Test(arguments: [("2026-01-01", "2027-01-01"), ("2027-04-04", "2028-04-03")])
    func `time off may take 366 days, however long they are`(_ first: String, _ last: String) async throws {
        let (clinic, administrator, doctor, _) = try await scene()
        let timeOff = try await administrator.call(
            DoctorServiceMethods.createTimeOff,
            CreateTimeOffRequest(doctorID: doctor.id, firstDay: first, lastDay: last))
        let hours = ((timeOff.endTime?.seconds ?? 0) - (timeOff.startTime?.seconds ?? 0)) / 3600
        #expect(clinic.settings.zone.identifier == "Australia/Sydney" && hours >= 366 * 24)
        let moved = try await administrator.call(
            DoctorServiceMethods.createTimeOff,
            CreateTimeOffRequest(
                doctorID: doctor.id, startTime: timeOff.startTime, endTime: timeOff.endTime))
        #expect(moved.endTime == timeOff.endTime)
    }

    @Test func `time off takes its slots away until it is ended, and leaves the bookings in it`() async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let before = try await patient.book(doctor, at: clinic.dateTime(hour: 9))
        let timeOff = try await administrator.takeOff(doctor, day: clinic.day())
        #expect(timeOff.doctor?.fullName == doctor.fullName)
        #expect(timeOff.displacedBookingCount == 1)
        #expect((timeOff.endTime?.seconds ?? 0) - (timeOff.startTime?.seconds ?? 0) == 86_400)
        #expect(
            try await patient.call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id)).etag
                != doctor.etag)

        let free = try await patient.search(doctor, day: clinic.day())
        #expect(free.slots.isEmpty && free.noSlotReason == .timeOff)
        for attempt in [
            { _ = try await patient.book(doctor, at: clinic.dateTime()) },
            { _ = try await patient.hold(doctor, at: clinic.dateTime()) },
            { _ = try await patient.reschedule(before, to: clinic.dateTime()) },
        ] as [() async throws -> Void] {
            #expect(try await status(of: attempt)?.errorInfo?.reason == "TIME_OFF")
        }
        // The day before and the day after are not touched.
        for day: Int64 in [1, 3] {
            _ = try await patient.book(doctor, at: clinic.dateTime(daysAhead: day, hour: day == 1 ? 23 : 0))
        }
        _ = try await patient.reschedule(before, to: clinic.dateTime(daysAhead: 4))

        let list = { (request: ListTimeOffRequest) in
            try await administrator.call(DoctorServiceMethods.listTimeOff, request).timeOff
        }
        let second = try await administrator.takeOff(doctor, day: clinic.day(ahead: 7))
        #expect(try await list(ListTimeOffRequest(doctorID: doctor.id)).map(\.id) == [timeOff.id, second.id])
        #expect(try await list(ListTimeOffRequest(doctorID: doctor.id)).first?.displacedBookingCount == 0)
        #expect(
            try await list(ListTimeOffRequest(doctorID: doctor.id, endAfter: timeOff.endTime)).map(\.id) == [
                second.id
            ])
        let page = try await administrator.call(
            DoctorServiceMethods.listTimeOff, ListTimeOffRequest(pageSize: 1, doctorID: doctor.id))
        let rest = try await administrator.call(
            DoctorServiceMethods.listTimeOff,
            ListTimeOffRequest(pageSize: 1, pageToken: page.nextPageToken, doctorID: doctor.id))
        #expect(page.timeOff.map(\.id) + rest.timeOff.map(\.id) == [timeOff.id, second.id])

        try await administrator.call(
            DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: timeOff.id))
        _ = try await patient.book(doctor, at: clinic.dateTime())
    }

    @Test func `a booking that is ahead of time off is counted by it, and one behind it is refused`()
        async throws
    {
        try await withTwoServers(writeConnections: 1) { clinic, second in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patients = try await clinic.patients(4)
            let patientsOfSecond = try await second.admit(patients)
            for round in 0..<4 {
                let ahead = Int64(2 + round)
                let day = try clinic.day(ahead: ahead)
                let conflicts = Mutex<Int64?>(nil)
                let timeOff: @Sendable () async throws -> Void = {
                    let made = try await administrator.takeOff(doctor, day: day)
                    conflicts.withLock { $0 = made.displacedBookingCount }
                }
                let book: @Sendable (Session, Int) async throws -> Void = { patient, index in
                    _ = try await patient.book(
                        doctor, at: clinic.dateTime(daysAhead: ahead, hour: 9 + index))
                }
                let isBookingAhead = round % 2 == 0
                let ends = try await race(
                    timeOff, of: doctor, isBookingAhead: isBookingAhead, in: (clinic, second),
                    patients: (patients, patientsOfSecond), book)
                #expect(
                    ends
                        == (isBookingAhead
                            ? [["OK": 1], ["OK": 1], ["TIME_OFF": 3]] : [["OK": 1], ["TIME_OFF": 4]]))
                #expect(conflicts.withLock(\.self) == (isBookingAhead ? 1 : 0))
            }
        }
    }

    @Test func `a doctor who is removed by force takes the future bookings along, refunded in full`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let paid = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 1, hour: 9))
        // Bought an hour ahead, when a patient's own cancellation would return nothing.
        try await clinic.run(
            """
            update clinic.booking set start_time = now() + interval '1 hour', end_time = now() + interval '2 hours',
                occupied = tstzrange(now() + interval '1 hour', now() + interval '2 hours')
            where id = $1
            """, [.int64(paid.id)])
        _ = try await patient.pay(paid)
        let booked = try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: 10))
        let held = try await clinic.signUp().hold(doctor, at: clinic.dateTime(hour: 11))
        let expired = try await clinic.signUp().hold(doctor, at: clinic.dateTime(hour: 12))
        try await clinic.runOut(expired)
        let arrived = try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: 13))
        try await clinic.move(arrived, toMinute: -30, until: 0)
        try await administrator.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: arrived.id, status: .arrived))
        try await clinic.move(arrived, toMinute: 180, until: 210)

        let refusal = try await status {
            try await administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        }
        #expect(refusal?.errorInfo?.reason == "HAS_DEPENDANTS")
        #expect(refusal?.message.contains("future_bookings 4") == true)
        let before = try await clinic.count("select count(*) from clinic.event")
        for _ in 0..<2 {
            try await administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id, force: true),
                key: "gone")
        }
        #expect(try await clinic.count("select count(*) from clinic.event") >= before + 5)

        for (booking, expected) in [
            (paid, .cancelled), (booked, .cancelled), (held, .cancelled), (expired, .expired),
            (arrived, .cancelled),
        ] as [(Booking, ClinicMessages.BookingStatus)] {
            #expect(try await administrator.get(booking).status == expected)
        }
        #expect(try await patient.get(paid).payments == [.refunded])
        let sums = """
            select coalesce(sum(abs(total)), 0)::bigint from (
                select sum(amount) as total from clinic.ledger_entry
                join clinic.transaction on transaction.id = transaction_id where booking_id = $1 group by account
            ) as balance
            """
        #expect(try await clinic.count(sums, [.int64(paid.id)]) == 0)
        let gone = try await status {
            try await patient.call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id))
        }
        #expect(gone?.errorInfo?.reason == "DOCTOR_NOT_FOUND")
    }

    @Test func `a department that is removed by force takes its doctors and their bookings along`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let departmentID = doctor.department?.id ?? 0
        let colleague = try await administrator.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: departmentID, fullName: "Dr Next", registrationNumber: "N\(clinic.next())",
                registrationExpiry: "2099-01-01", consultationFee: Money(minorUnits: 1)))
        let bookings = [
            try await patient.book(doctor, at: clinic.dateTime(hour: 9)),
            try await patient.book(colleague, at: clinic.dateTime(hour: 10)),
        ]
        _ = try await patient.pay(bookings[1])
        try await administrator.call(
            DepartmentServiceMethods.deleteDepartment,
            DeleteDepartmentRequest(departmentID: departmentID, force: true))
        for booking in bookings { #expect(try await patient.get(booking).status == .cancelled) }
        #expect(try await patient.get(bookings[1]).payments == [.refunded])
        for gone in [doctor, colleague] {
            let failure = try await status { _ = try await patient.book(gone, at: clinic.dateTime()) }
            #expect(failure?.errorInfo?.reason == "DOCTOR_NOT_FOUND")
        }
        let failure = try await status {
            try await patient.call(
                DepartmentServiceMethods.getDepartment, GetDepartmentRequest(departmentID: departmentID))
        }
        #expect(failure?.errorInfo?.reason == "DEPARTMENT_NOT_FOUND")
    }

    @Test func `a doctor who is removed while patients book leaves no live booking`() async throws {
        try await withTwoServers(writeConnections: 1) { clinic, second in
            let administrator = try await clinic.administrator()
            let patients = try await clinic.patients(8)
            let patientsOfSecond = try await second.admit(patients)
            for isBookingAhead in [true, false] {
                let doctor = try await clinic.doctor(by: administrator)
                let book: @Sendable (Session, Int) async throws -> Void = { patient, index in
                    _ = try await patient.book(doctor, at: clinic.dateTime(hour: 8 + index))
                }
                let removal: @Sendable () async throws -> Void = {
                    try await administrator.call(
                        DoctorServiceMethods.deleteDoctor,
                        DeleteDoctorRequest(doctorID: doctor.id, force: true))
                }
                let ends = try await race(
                    removal, of: doctor, isBookingAhead: isBookingAhead, in: (clinic, second),
                    patients: (patients, patientsOfSecond), book)
                #expect(
                    ends
                        == (isBookingAhead
                            ? [["OK": 1], ["OK": 1], ["DOCTOR_NOT_FOUND": 7]]
                            : [["OK": 1], ["DOCTOR_NOT_FOUND": 8]]))
                let statuses = """
                    select count(*) filter (where status = 'CANCELLED') * 100 + count(*)
                    from clinic.booking where doctor_id = $1
                    """
                #expect(try await clinic.count(statuses, [.int64(doctor.id)]) == (isBookingAhead ? 101 : 0))
            }
        }
    }
}

/// Bookings with a doctor meet a change of the doctor: one of them ahead of the change and the others behind it, or all behind
/// it. Returns how they ended, in the order in which they joined.
private func race(
    _ change: @escaping @Sendable () async throws -> Void, of doctor: Doctor, isBookingAhead: Bool,
    in clinics: (first: TestClinic, second: TestClinic), patients: (ofFirst: [Session], ofSecond: [Session]),
    _ book: @escaping @Sendable (Session, Int) async throws -> Void
) async throws -> [[String: Int]] {
    let bookOnSecond: @Sendable (Int) async throws -> Void = { try await book(patients.ofSecond[$0], $0) }
    return try await race(
        behind: "select from clinic.doctor where id = \(doctor.id) for update",
        in: [clinics.first, clinics.second],
        isBookingAhead
            ? [
                Contenders(backends: 1, each: 0..<1, bookOnSecond),
                Contenders(backends: 2, change),
                // On the connection of the change: a lock that is asked for between the first booking's commit and the
                // wake-up of the change would be given at once.
                Contenders(backends: 2, each: 1..<patients.ofFirst.count) {
                    try await book(patients.ofFirst[$0], $0)
                },
            ]
            : [
                Contenders(backends: 1, change),
                Contenders(backends: 2, each: patients.ofSecond.indices, bookOnSecond),
            ])
}
