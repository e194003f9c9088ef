// The part of RefusalTests' table about fields, each named by its path in the request.

import ClinicMessages
import ProtobufC
import RPC
import Scheduling
import TTRPC

@testable import ClinicService

/// The etag of a version that nothing has.
let otherEtag = etag(999)

let fieldCases: [RefusalCase] = previewCases + enumerationCases + updateCases + pathCases

/// A preview that is not built is refused: a server that ignored the field would make the change.
private let previewCases: [RefusalCase] = [
    RefusalCase("a preview of an update of a doctor", "validate_only") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: $0.doctor.id, doctor: Doctor(fullName: "Dr Preview"), validateOnly: true))
    },
    RefusalCase("a preview of weekly hours", "validate_only") {
        try await $0.administrator.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(doctorID: $0.doctor.id, validateOnly: true))
    },
    RefusalCase("a preview of time off", "validate_only") {
        try await $0.administrator.call(
            DoctorServiceMethods.createTimeOff,
            CreateTimeOffRequest(doctorID: $0.doctor.id, firstDay: "2027-01-01", validateOnly: true))
    },
    RefusalCase("a preview of deleted time off", "validate_only") {
        try await $0.administrator.call(
            DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: 1, validateOnly: true))
    },
    RefusalCase("a preview of an update of a department", "validate_only") {
        try await $0.administrator.call(
            DepartmentServiceMethods.updateDepartment,
            UpdateDepartmentRequest(
                departmentID: $0.doctor.department?.id ?? 0,
                department: Department(departmentName: "Preview"),
                validateOnly: true))
    },
    RefusalCase("a preview of a deleted booking", "validate_only") {
        let booking = try await $0.patient.book($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.patient.call(
            BookingServiceMethods.deleteBooking,
            DeleteBookingRequest(bookingID: booking.id, validateOnly: true))
    },
    RefusalCase("a preview of a deleted transaction", "validate_only") {
        try await $0.administrator.call(
            PaymentServiceMethods.deleteTransaction,
            DeleteTransactionRequest(transactionID: 1, validateOnly: true))
    },
    RefusalCase("a move to another doctor", "doctor_id") {
        try await $0.patient.call(
            BookingServiceMethods.rescheduleBooking,
            RescheduleBookingRequest(
                bookingID: 1, time: .bookingDateTime($0.clinic.dateTime()), doctorID: $0.doctor.id))
    },
]

private let enumerationCases: [RefusalCase] = [
    RefusalCase("a filter of no status", "statuses[1]") {
        try await $0.patient.call(
            BookingServiceMethods.listMyBookings, ListMyBookingsRequest(statuses: [.booked, .unspecified]))
    },
    RefusalCase("a filter of bookings by a status that is not in the schema", "statuses[0]") {
        try await $0.anonymous.call(
            BookingServiceMethods.listBookings, ListBookingsRequest(statuses: [.unrecognized(77)]))
    },
    RefusalCase("a filter of transactions by a status that is not in the schema", "statuses[0]") {
        try await $0.patient.call(
            PaymentServiceMethods.listTransactions, ListTransactionsRequest(statuses: [.unrecognized(-1)]))
    },
    RefusalCase("a filter of users by a role that is not in the schema", "role") {
        try await $0.administrator.call(
            UserServiceMethods.listUsers, ListUsersRequest(role: .unrecognized(77)))
    },
    RefusalCase("a role that is not in the schema", "role") {
        try await $0.administrator.call(
            UserServiceMethods.setUserRole,
            SetUserRoleRequest(userID: $0.patient.userID, role: .unrecognized(77)))
    },
    RefusalCase("a day of the week that is not in the schema", "weekly_hours[0].day") {
        try await $0.administrator.call(
            DoctorServiceMethods.setDoctorSchedule,
            SetDoctorScheduleRequest(
                doctorID: $0.doctor.id,
                weeklyHours: [WorkingHours(day: .unrecognized(8), startHour: "09:00", endHour: "10:00")]))
    },
    RefusalCase("revenue by a grouping that is not in the schema", "grouping") {
        try await $0.administrator.call(
            AdminServiceMethods.queryRevenue,
            QueryRevenueRequest(firstDay: "2026-01-01", lastDay: "2026-01-02", grouping: .unrecognized(9)))
    },
    RefusalCase("utilization by a grouping that is not in the schema", "grouping") {
        try await $0.administrator.call(
            AdminServiceMethods.queryUtilization,
            QueryUtilizationRequest(firstDay: "2026-01-01", lastDay: "2026-01-02", grouping: .unrecognized(9))
        )
    },
]

private let updateCases: [RefusalCase] = [
    RefusalCase(
        "an update of everything", .invalidArgument, "INVALID_UPDATE_MASK", field: "update_mask.paths[0]"
    ) {
        try await $0.patient.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(user: User(firstName: "All"), updateMask: ProtobufFieldMask(paths: ["*"])))
    },
    RefusalCase(
        "an update of a field that is none", .invalidArgument, "INVALID_UPDATE_MASK",
        field: "update_mask.paths[1]"
    ) {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: $0.doctor.id, doctor: Doctor(fullName: "Dr All"),
                updateMask: ProtobufFieldMask(paths: ["full_name", "etag"])))
    },
    RefusalCase("a stale etag inside a user", .aborted, "STALE_ETAG") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(firstName: "Old", etag: otherEtag)))
    },
    RefusalCase("a stale etag inside a doctor", .aborted, "STALE_ETAG") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: $0.doctor.id, doctor: Doctor(fullName: "Dr Old", etag: otherEtag)))
    },
    RefusalCase("a stale etag inside a department", .aborted, "STALE_ETAG") {
        try await $0.administrator.call(
            DepartmentServiceMethods.updateDepartment,
            UpdateDepartmentRequest(
                departmentID: $0.doctor.department?.id ?? 0, department: Department(etag: otherEtag)))
    },
    RefusalCase("two etags that differ", .invalidArgument, "INVALID_ETAG", field: "doctor.etag") {
        let doctor = try await $0.newDoctor()
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: doctor.id, doctor: Doctor(fullName: "Dr Two", etag: otherEtag), etag: doctor.etag))
    },
    RefusalCase("an etag inside a user that is none", .invalidArgument, "INVALID_ETAG", field: "user.etag") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(firstName: "No", etag: "1")))
    },
]

private let pathCases: [RefusalCase] = [
    RefusalCase("an update to an expiry that is none", "doctor.registration_expiry") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: $0.doctor.id, doctor: Doctor(registrationExpiry: "soon")))
    },
    RefusalCase("an update to an hour that is none", "department.operating_end_hour") {
        try await $0.administrator.call(
            DepartmentServiceMethods.updateDepartment,
            UpdateDepartmentRequest(
                departmentID: $0.doctor.department?.id ?? 0, department: Department(operatingEndHour: "25:00")
            ))
    },
    RefusalCase("an update to a phone that is none", "user.phone") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "12-34")))
    },
    RefusalCase("a fee above the most", "doctor.consultation_fee") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: $0.doctor.id, doctor: Doctor(consultationFee: Money(minorUnits: 1_000_000_000_001)))
        )
    },
    RefusalCase(
        "an update to another currency", .invalidArgument, "WRONG_CURRENCY",
        field: "doctor.consultation_fee.currency_code"
    ) {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: $0.doctor.id,
                doctor: Doctor(consultationFee: Money(minorUnits: 1, currencyCode: "NZD"))))
    },
    RefusalCase("a hold off the grid by an instant", .invalidArgument, "OFF_GRID", field: "start_time") {
        let start = (Instant.now.secondsSinceEpoch / 60 + 1_440) * 60 + 1
        try await $0.patient.call(
            BookingServiceMethods.holdSlot,
            HoldSlotRequest(
                doctorID: $0.doctor.id, time: .startTime(ProtobufTimestamp(seconds: start))))
    },
    RefusalCase(
        "text that is not UTF-8, deep inside", .invalidArgument, "MALFORMED_REQUEST", field: "user.phone"
    ) {
        _ = try await $0.patient.client.call(
            service: UserServiceMethods.updateUser.service, method: UserServiceMethods.updateUser.name,
            payload: [0x12, 3, 0x22, 1, 0xff],
            metadata: ["authorization": "Bearer \($0.patient.token ?? "")"])
    },
]
