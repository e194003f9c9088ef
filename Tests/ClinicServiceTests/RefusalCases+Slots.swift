// The part of the table that is about holds, moves, searches, schedules and time off.

import ClinicMessages
import ClinicService
import PostgreSQL
import ProtobufC
import RPC
import Scheduling

private func search(_ scene: RefusalScene, _ request: SearchSlotsRequest) async throws {
    try await scene.anonymous.call(BookingServiceMethods.searchSlots, request)
}

private func schedule(_ scene: RefusalScene, _ hours: [WorkingHours], etag: String = "") async throws {
    try await scene.administrator.call(
        DoctorServiceMethods.setDoctorSchedule,
        SetDoctorScheduleRequest(doctorID: scene.doctor.id, weeklyHours: hours, etag: etag))
}

private func timeOff(_ scene: RefusalScene, _ request: CreateTimeOffRequest) async throws {
    var request = request
    if request.doctorID == 0 { request.doctorID = scene.doctor.id }
    try await scene.administrator.call(DoctorServiceMethods.createTimeOff, request)
}

private func holdOrBook(_ scene: RefusalScene) async throws -> (Session, Doctor, Booking) {
    let (patient, doctor) = (try await scene.clinic.signUp(), try await scene.newDoctor())
    return (patient, doctor, try await patient.book(doctor, at: scene.clinic.dateTime()))
}

let slotRefusalCases: [RefusalCase] = holdCases + moveCases + searchCases + weekCases

private let holdCases: [RefusalCase] = [
    RefusalCase("a hold off the grid", .invalidArgument, "OFF_GRID") {
        try await $0.patient.hold($0.doctor, at: $0.clinic.dateTime(minute: 7))
    },
    RefusalCase("a hold without a start", .invalidArgument, "INVALID_FIELD") {
        try await $0.patient.call(BookingServiceMethods.holdSlot, HoldSlotRequest(doctorID: $0.doctor.id))
    },
    RefusalCase("a hold of an unknown doctor", .notFound, "DOCTOR_NOT_FOUND") {
        try await $0.patient.hold(Doctor(id: 999_999), at: $0.clinic.dateTime())
    },
    RefusalCase("a hold for an unknown patient", .notFound, "USER_NOT_FOUND") {
        try await $0.administrator.call(
            BookingServiceMethods.holdSlot,
            HoldSlotRequest(
                doctorID: $0.doctor.id, time: .bookingDateTime($0.clinic.dateTime()), userID: 999_999))
    },
    RefusalCase("a patient who holds for another", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(
            BookingServiceMethods.holdSlot,
            HoldSlotRequest(
                doctorID: $0.doctor.id, time: .bookingDateTime($0.clinic.dateTime()),
                userID: $0.administrator.userID))
    },
    RefusalCase("a third hold", .failedPrecondition, "TOO_MANY_HOLDS") {
        let (patient, doctor) = (try await $0.clinic.signUp(), try await $0.newDoctor())
        for hour in 8..<11 { try await patient.hold(doctor, at: $0.clinic.dateTime(hour: hour)) }
    },
    RefusalCase("a hold that has run out, confirmed", .failedPrecondition, "HOLD_EXPIRED") {
        let patient = try await $0.clinic.signUp()
        let hold = try await patient.hold($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.clinic.runOut(hold)
        try await patient.confirm(hold)
    },
    RefusalCase("a cancelled hold, confirmed", .failedPrecondition, "INVALID_TRANSITION") {
        let patient = try await $0.clinic.signUp()
        let hold = try await patient.hold($0.newDoctor(), at: $0.clinic.dateTime())
        try await patient.cancel(hold)
        try await patient.confirm(hold)
    },
    RefusalCase("another patient's hold, confirmed", .notFound, "BOOKING_NOT_FOUND") {
        try await $0.patient.confirm($0.clinic.signUp().hold($0.newDoctor(), at: $0.clinic.dateTime()))
    },
    RefusalCase("a stale etag of a hold", .aborted, "STALE_ETAG") {
        let patient = try await $0.clinic.signUp()
        try await patient.confirm(patient.hold($0.newDoctor(), at: $0.clinic.dateTime()), etag: otherEtag)
    },
    RefusalCase("another patient's booking, read", .notFound, "BOOKING_NOT_FOUND") {
        _ = try await $0.patient.get(holdOrBook($0).2)
    },
]

private let moveCases: [RefusalCase] = [
    RefusalCase("another patient's booking, moved", .notFound, "BOOKING_NOT_FOUND") {
        try await $0.patient.reschedule(holdOrBook($0).2, to: $0.clinic.dateTime(hour: 12))
    },
    RefusalCase("a booking that is not there, moved", .notFound, "BOOKING_NOT_FOUND") {
        try await $0.administrator.reschedule(Booking(id: 999_999), to: $0.clinic.dateTime(hour: 12))
    },
    RefusalCase("a move to a malformed date", .invalidArgument, "MALFORMED_DATE") {
        let (patient, _, booking) = try await holdOrBook($0)
        try await patient.reschedule(booking, to: "tomorrow")
    },
    RefusalCase("a move beyond the window", .outOfRange, "OUT_OF_WINDOW") {
        let (patient, _, booking) = try await holdOrBook($0)
        try await patient.reschedule(booking, to: $0.clinic.dateTime(daysAhead: 33))
    },
    RefusalCase("a move to a taken slot", .alreadyExists, "SLOT_TAKEN") {
        let (patient, doctor, booking) = try await holdOrBook($0)
        _ = try await $0.patient.book(doctor, at: $0.clinic.dateTime(daysAhead: 9, hour: 12))
        try await patient.reschedule(booking, to: $0.clinic.dateTime(daysAhead: 9, hour: 12))
    },
    RefusalCase("a move with a stale etag", .aborted, "STALE_ETAG") {
        let (patient, _, booking) = try await holdOrBook($0)
        _ = try await patient.pay(booking)
        try await patient.reschedule(booking, to: $0.clinic.dateTime(hour: 12), etag: booking.etag)
    },
    RefusalCase("a cancelled booking, moved", .failedPrecondition, "INVALID_TRANSITION") {
        let (patient, _, booking) = try await holdOrBook($0)
        try await patient.cancel(booking)
        try await patient.reschedule(booking, to: $0.clinic.dateTime(hour: 12))
    },
    RefusalCase("a hold, moved", .failedPrecondition, "INVALID_TRANSITION") {
        let patient = try await $0.clinic.signUp()
        let hold = try await patient.hold($0.newDoctor(), at: $0.clinic.dateTime())
        try await patient.reschedule(hold, to: $0.clinic.dateTime(hour: 12))
    },
    RefusalCase("a booking that has begun, moved by its owner", .failedPrecondition, "ALREADY_STARTED") {
        let (patient, _, booking) = try await holdOrBook($0)
        try await $0.clinic.run(
            """
            update clinic.booking set start_time = now() - interval '1 hour', end_time = now() - interval '30 minutes',
                occupied = tstzrange(now() - interval '1 hour', now() - interval '30 minutes')
            where id = $1
            """, [.int64(booking.id)])
        try await patient.reschedule(booking, to: $0.clinic.dateTime(hour: 12))
    },
    RefusalCase("a booking of a doctor who is gone, moved", .notFound, "DOCTOR_NOT_FOUND") {
        let (patient, doctor, booking) = try await holdOrBook($0)
        try await $0.administrator.call(
            DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id, force: true))
        try await patient.reschedule(booking, to: $0.clinic.dateTime(hour: 12))
    },
]

private let searchCases: [RefusalCase] = [
    RefusalCase("a search for nobody", .invalidArgument, "INVALID_FIELD") {
        try await search($0, SearchSlotsRequest())
    },
    RefusalCase("a search in a department that is not there", .notFound, "DEPARTMENT_NOT_FOUND") {
        try await search($0, SearchSlotsRequest(subject: .departmentID(999_999)))
    },
    RefusalCase("a search for a doctor who is not there", .notFound, "DOCTOR_NOT_FOUND") {
        try await search($0, SearchSlotsRequest(subject: .doctorID(-1)))
    },
    RefusalCase("a search over 32 days", .invalidArgument, "INVALID_FIELD") {
        try await search(
            $0,
            SearchSlotsRequest(
                subject: .doctorID($0.doctor.id), firstDay: "2026-01-01", lastDay: "2026-02-01"))
    },
    RefusalCase("a search that ends before it begins", .invalidArgument, "INVALID_FIELD") {
        try await search(
            $0,
            SearchSlotsRequest(
                subject: .doctorID($0.doctor.id), firstDay: "2026-01-02", lastDay: "2026-01-01"))
    },
    RefusalCase("a search on a day that does not exist", .invalidArgument, "INVALID_FIELD") {
        try await search($0, SearchSlotsRequest(subject: .doctorID($0.doctor.id), firstDay: "2026-02-30"))
    },
    RefusalCase("a search at the end of the calendar", .invalidArgument, "INVALID_FIELD") {
        try await search($0, SearchSlotsRequest(subject: .doctorID($0.doctor.id), firstDay: "9999-12-31"))
    },
    RefusalCase("a search for less than no slots", .invalidArgument, "INVALID_FIELD") {
        try await search($0, SearchSlotsRequest(subject: .doctorID($0.doctor.id), slotsPerDoctor: -1))
    },
    RefusalCase("a doctor who is not there, read", .notFound, "DOCTOR_NOT_FOUND") {
        try await $0.anonymous.call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: 999_999))
    },
    RefusalCase("a department that is not there, read", .notFound, "DEPARTMENT_NOT_FOUND") {
        try await $0.anonymous.call(
            DepartmentServiceMethods.getDepartment, GetDepartmentRequest(departmentID: .min))
    },
]

private let weekCases: [RefusalCase] = [
    RefusalCase("an appointment in time off", .failedPrecondition, "TIME_OFF") {
        let doctor = try await $0.newDoctor()
        try await $0.administrator.takeOff(doctor, day: $0.clinic.day())
        try await $0.patient.hold(doctor, at: $0.clinic.dateTime())
    },
    RefusalCase("a week with hours that are none", .invalidArgument, "INVALID_FIELD") {
        try await schedule($0, [WorkingHours(day: .monday, startHour: "9", endHour: "12:00")])
    },
    RefusalCase("a week with hours of no day", .invalidArgument, "INVALID_FIELD") {
        try await schedule($0, [WorkingHours(startHour: "09:00", endHour: "12:00")])
    },
    RefusalCase("a week with hours that overlap", .invalidArgument, "INVALID_FIELD") {
        try await schedule(
            $0,
            [
                WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00"),
                WorkingHours(day: .monday, startHour: "11:00", endHour: "13:00"),
            ])
    },
    RefusalCase("a week of too many hours", .invalidArgument, "INVALID_FIELD") {
        try await schedule(
            $0, Array(repeating: WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00"), count: 51))
    },
    RefusalCase("a week outside the department's hours", .failedPrecondition, "OUTSIDE_DEPARTMENT_HOURS") {
        let doctor = try await $0.clinic.doctor(opens: "09:00", closes: "17:00", by: $0.administrator)
        try await $0.administrator.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(
                doctorID: doctor.id,
                weeklyHours: [WorkingHours(day: .friday, startHour: "08:30", endHour: "12:00")]))
    },
    RefusalCase("a week of a stale etag", .aborted, "STALE_ETAG") {
        try await schedule($0, [], etag: otherEtag)
    },
    RefusalCase("a week of a doctor who is not there", .notFound, "DOCTOR_NOT_FOUND") {
        try await $0.administrator.call(
            DoctorServiceMethods.setDoctorSchedule, SetDoctorScheduleRequest(doctorID: 999_999))
    },
    RefusalCase("time off without a time", .invalidArgument, "INVALID_FIELD") {
        try await timeOff($0, CreateTimeOffRequest())
    },
    RefusalCase("time off by instants and by days", .invalidArgument, "INVALID_FIELD") {
        try await timeOff(
            $0, CreateTimeOffRequest(startTime: ProtobufTimestamp(seconds: 1), firstDay: "2026-01-01"))
    },
    RefusalCase("time off that ends before it begins", .invalidArgument, "INVALID_FIELD") {
        try await timeOff(
            $0,
            CreateTimeOffRequest(
                startTime: ProtobufTimestamp(seconds: 5), endTime: ProtobufTimestamp(seconds: 5)))
    },
    RefusalCase("time off of 367 days", .invalidArgument, "INVALID_FIELD") {
        try await timeOff($0, CreateTimeOffRequest(firstDay: "2026-01-01", lastDay: "2027-01-02"))
    },
    RefusalCase("time off of an hour more than 366 days", .invalidArgument, "INVALID_FIELD") {
        let start: Int64 = 1_767_186_000
        try await timeOff(
            $0,
            CreateTimeOffRequest(
                startTime: ProtobufTimestamp(seconds: start),
                endTime: ProtobufTimestamp(seconds: start + (366 * 24 + 1) * 3600)))
    },
    RefusalCase("time off in the year 10,000", .invalidArgument, "INVALID_FIELD") {
        try await timeOff(
            $0,
            CreateTimeOffRequest(
                startTime: ProtobufTimestamp(seconds: 253_402_300_800),
                endTime: ProtobufTimestamp(seconds: 253_402_300_900)))
    },
    RefusalCase("time off from a midnight before the year 1 of UTC", .invalidArgument, "INVALID_FIELD") {
        try await timeOff($0, CreateTimeOffRequest(firstDay: "0001-01-01"))
    },
    RefusalCase("time off of a doctor who is not there", .notFound, "DOCTOR_NOT_FOUND") {
        try await timeOff($0, CreateTimeOffRequest(doctorID: 999_999, firstDay: "2026-01-01"))
    },
    RefusalCase("time off that is not there", .notFound, "TIME_OFF_NOT_FOUND") {
        try await $0.administrator.call(
            DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: 999_999))
    },
    RefusalCase("a patient who takes a doctor's time off", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.takeOff($0.doctor, day: $0.clinic.day())
    },
]
