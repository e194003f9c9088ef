// The part of RefusalTests' table about fields, each named by its path in the request.

import ClinicMessages
import ClinicService
import RPC

let fieldCases: [RefusalCase] = previewCases

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
    RefusalCase("a filter of no status", "statuses[1]") {
        try await $0.patient.call(
            BookingServiceMethods.listMyBookings, ListMyBookingsRequest(statuses: [.booked, .unspecified]))
    },
]
