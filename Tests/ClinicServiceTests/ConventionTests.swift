// The rules that hold for all methods (proto/conventions.md): no change is no effect, a stale etag is refused first, who may is
// asked before what, and each change of what a resource shows is another etag.

import ClinicMessages
import ClinicService
import ProtobufC
import RPC
import RPCMessages
import Testing

@Suite struct ConventionTests {
    private static let shared = Task { try await RefusalScene(TestClinic()) }

    /// A change whose result holds already: the etag of now, and the call with an etag, which returns the one after it.
    private struct Repetition {
        let name: String
        let etag: String
        let call: (_ etag: String) async throws -> String
    }

    /// One for each method that takes an etag.
    private func repetitions(_ scene: RefusalScene) async throws -> [Repetition] {
        let administrator = scene.administrator
        let doctor = try await scene.newDoctor()
        let departmentID = doctor.department?.id ?? 0
        let department = try await administrator.call(
            DepartmentServiceMethods.getDepartment, GetDepartmentRequest(departmentID: departmentID))
        let patient = try await scene.clinic.signUp()
        let user = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
        let week = [WorkingHours(day: .monday, startHour: "00:00", endHour: "24:00")]
        let scheduled = try await administrator.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(doctorID: doctor.id, weeklyHours: week))
        let other = try await scene.newDoctor()
        let booking = try await patient.book(other, at: scene.clinic.dateTime())
        let cancelled = try await patient.cancel(
            patient.book(other, at: scene.clinic.dateTime(hour: 15)))
        let confirmed = try await patient.confirm(
            patient.hold(other, at: scene.clinic.dateTime(hour: 12)))
        // An etag inside a resource counts as well: only that of the request is tried here.
        func sent<Resource>(_ resource: Resource, _ etag: WritableKeyPath<Resource, String>) -> Resource {
            var sent = resource
            sent[keyPath: etag] = ""
            return sent
        }
        let (sentDepartment, sentDoctor) = (sent(department, \.etag), sent(scheduled, \.etag))
        let sentUser = sent(user, \.etag)
        return [
            Repetition(name: "UpdateDepartment", etag: department.etag) { etag in
                try await administrator.call(
                    DepartmentServiceMethods.updateDepartment,
                    UpdateDepartmentRequest(
                        departmentID: departmentID, department: sentDepartment, etag: etag)
                ).etag
            },
            Repetition(name: "UpdateDoctor", etag: scheduled.etag) { etag in
                try await administrator.call(
                    DoctorServiceMethods.updateDoctor,
                    UpdateDoctorRequest(doctorID: doctor.id, doctor: sentDoctor, etag: etag)
                ).etag
            },
            Repetition(name: "SetDoctorSchedule", etag: scheduled.etag) { etag in
                try await administrator.call(
                    DoctorServiceMethods.setDoctorSchedule,
                    SetDoctorScheduleRequest(doctorID: doctor.id, weeklyHours: week, etag: etag)
                ).etag
            },
            Repetition(name: "UpdateUser", etag: user.etag) { etag in
                try await patient.call(
                    UserServiceMethods.updateUser, UpdateUserRequest(user: sentUser, etag: etag)
                ).etag
            },
            Repetition(name: "SetUserRole", etag: user.etag) { etag in
                try await administrator.call(
                    UserServiceMethods.setUserRole,
                    SetUserRoleRequest(userID: user.id, role: .patient, etag: etag)
                ).etag
            },
            Repetition(name: "RescheduleBooking", etag: booking.etag) { etag in
                try await patient.reschedule(booking, to: booking.bookingDateTime, etag: etag).etag
            },
            Repetition(name: "UpdateBookingStatus", etag: cancelled.etag) { etag in
                try await patient.set(.cancelled, of: cancelled, etag: etag).etag
            },
            Repetition(name: "ConfirmHold", etag: confirmed.etag) { etag in
                try await patient.confirm(confirmed, etag: etag).etag
            },
        ]
    }

    @Test func `a call whose result holds already leaves no event and no new etag`() async throws {
        try await withClinic { clinic in
            for repetition in try await repetitions(RefusalScene(clinic)) {
                let events = try await clinic.count("select count(*) from clinic.event")
                for etag in ["", repetition.etag] {
                    #expect(try await repetition.call(etag) == repetition.etag, "\(repetition.name)")
                }
                #expect(
                    try await clinic.count("select count(*) from clinic.event") == events,
                    "\(repetition.name)")
            }
        }
    }

    @Test func `a stale etag is refused also where nothing would change`() async throws {
        for repetition in try await repetitions(Self.shared.value) {
            #expect(
                try await ending { _ = try await repetition.call(otherEtag) } == "STALE_ETAG",
                "\(repetition.name)")
        }
    }

    @Test func `the etag of somebody else's account is not looked at`() async throws {
        let scene = try await Self.shared.value
        #expect(
            try await ending {
                try await scene.patient.call(
                    UserServiceMethods.updateUser,
                    UpdateUserRequest(userID: scene.administrator.userID, etag: "none"))
            } == "USER_NOT_FOUND")
    }

    @Test func `a booking that never was a hold cannot be confirmed`() async throws {
        let scene = try await Self.shared.value
        let patient = try await scene.clinic.signUp()
        let booking = try await patient.book(scene.newDoctor(), at: scene.clinic.dateTime())
        #expect(try await ending { try await patient.confirm(booking) } == "INVALID_TRANSITION")
    }

    @Test func `a booking has another etag when a payment vanishes from it`() async throws {
        let scene = try await Self.shared.value
        let patient = try await scene.clinic.signUp()
        let booking = try await patient.book(scene.newDoctor(), at: scene.clinic.dateTime())
        let payment = try await patient.pay(booking)
        try await scene.administrator.call(
            PaymentServiceMethods.refundTransaction, RefundTransactionRequest(transactionID: payment.id))
        let before = try await patient.get(booking)
        try await scene.administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: payment.id))
        let after = try await patient.get(booking)
        #expect(before.transactions.count == 1 && after.transactions.isEmpty)
        #expect(after.etag != before.etag && after.status == .cancelled)
    }

    @Test func `an expired hold is EXPIRED everywhere, and can be deleted`() async throws {
        let scene = try await Self.shared.value
        let patient = try await scene.clinic.signUp()
        let hold = try await patient.hold(scene.newDoctor(), at: scene.clinic.dateTime())
        try await scene.clinic.runOut(hold)
        let refusal = try await status { _ = try await patient.pay(hold) }
        #expect(refusal?.errorInfo?.reason == "NOT_PAYABLE" && fact("status", of: refusal) == "EXPIRED")
        try await patient.delete(hold)
        let mine = ListMyBookingsRequest()
        #expect(try await patient.call(BookingServiceMethods.listMyBookings, mine).bookings.isEmpty)
        #expect(try await scene.clinic.storedStatus(hold) == "EXPIRED")
        let changes = try await scene.administrator.call(
            AdminServiceMethods.listAuditEvents,
            ListAuditEventsRequest(
                entity: "booking", entityID: hold.id, method: "clinic.v1.BookingService/DeleteBooking"))
        #expect(changes.auditEvents.count == 1)
        #expect(try await ending { try await patient.delete(hold) } == "BOOKING_NOT_FOUND")
    }

    @Test func `the hours of a department and the weeks of its doctors are not parted`() async throws {
        let scene = try await Self.shared.value
        let (administrator, doctor) = (scene.administrator, try await scene.newDoctor())
        let id = doctor.department?.id ?? 0
        try await administrator.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(
                doctorID: doctor.id,
                weeklyHours: [
                    WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00"),
                    WorkingHours(day: .sunday, startHour: "10:00", endHour: "24:00"),
                ]))
        func opens(_ start: String, _ end: String) async throws -> String {
            try await ending {
                try await administrator.call(
                    DepartmentServiceMethods.updateDepartment,
                    UpdateDepartmentRequest(
                        departmentID: id,
                        department: Department(operatingStartHour: start, operatingEndHour: end)))
            }
        }
        #expect(try await opens("09:30", "24:00") == "OUTSIDE_DEPARTMENT_HOURS")
        #expect(try await opens("09:00", "23:30") == "OUTSIDE_DEPARTMENT_HOURS")
        #expect(try await opens("09:00", "09:00") == "OUTSIDE_DEPARTMENT_HOURS")
        #expect(try await opens("09:00", "24:00") == "OK")
        let other = try await scene.clinic.doctor(opens: "09:00", closes: "17:00", by: administrator)
        #expect(
            try await ending {
                try await administrator.call(
                    DoctorServiceMethods.updateDoctor,
                    UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(department: other.department)))
            } == "OUTSIDE_DEPARTMENT_HOURS")
        try await administrator.call(
            DoctorServiceMethods.setDoctorSchedule, SetDoctorScheduleRequest(doctorID: doctor.id))
        #expect(try await opens("09:30", "16:00") == "OK")
    }
}
