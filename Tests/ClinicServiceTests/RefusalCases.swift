// The table of RefusalTests.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import ProtobufC
import RPC
import Scheduling
import TTRPC

private func book(
    _ session: Session, _ doctorID: Int64, _ time: BookAppointmentRequest.Time?, userID: Int64 = 0
) async throws {
    try await session.call(
        BookingServiceMethods.bookAppointment,
        BookAppointmentRequest(doctorID: doctorID, time: time, userID: userID))
}

private func signUp(_ scene: RefusalScene, email: String? = nil, password: String = "long enough")
    async throws
{
    try await scene.anonymous.call(
        UserServiceMethods.createUser,
        CreateUserRequest(
            firstName: "New", lastName: "Comer", email: email ?? "new\(scene.clinic.next())@example.org",
            password: password))
}

private func raw(_ scene: RefusalScene, _ payload: [UInt8]) async throws {
    _ = try await scene.anonymous.client.call(
        service: "clinic.v1.UserService", method: "Login", payload: payload)
}

private func withToken(_ token: String, _ scene: RefusalScene) async throws {
    try await Session(client: scene.anonymous.client, token: token, userID: 0)
        .call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
}

private func seconds(ahead: Int64) -> BookAppointmentRequest.Time {
    .startTime(ProtobufTimestamp(seconds: Instant.now.secondsSinceEpoch + ahead))
}

private let day: Int64 = 86_400

let refusalCases: [RefusalCase] =
    timeCases + slotCases + directoryCases + identityCases + changeCases + bodyCases + moneyCases
    + peopleCases + slotRefusalCases + fieldCases

private let timeCases: [RefusalCase] = [
    RefusalCase("a malformed date", .invalidArgument, "MALFORMED_DATE") {
        try await book($0.patient, $0.doctor.id, .bookingDateTime("2026-11-24 10:00"))
    },
    RefusalCase("a day that does not exist", .invalidArgument, "MALFORMED_DATE") {
        try await book($0.patient, $0.doctor.id, .bookingDateTime("31/02/2027 10:00:00"))
    },
    RefusalCase("a local time that a clock change skips", .invalidArgument, "SKIPPED_LOCAL_TIME") {
        // Sydney goes from 02:00 to 03:00 on the first Sunday of October.
        try await book($0.patient, $0.doctor.id, .bookingDateTime("04/10/2026 02:30:00"))
    },
    RefusalCase("no start at all", .invalidArgument, "INVALID_FIELD") {
        try await book($0.patient, $0.doctor.id, nil)
    },
    RefusalCase("a start in the past", .outOfRange, "OUT_OF_WINDOW") {
        try await book($0.patient, $0.doctor.id, seconds(ahead: -60))
    },
    RefusalCase("a start on day 31", .outOfRange, "OUT_OF_WINDOW") {
        try await book($0.patient, $0.doctor.id, seconds(ahead: 30 * day + 60))
    },
    RefusalCase("a start at the end of time", .invalidArgument, "INVALID_FIELD") {
        try await book($0.patient, $0.doctor.id, .startTime(ProtobufTimestamp(seconds: .max)))
    },
    RefusalCase("a start off the grid", .invalidArgument, "OFF_GRID") {
        try await book($0.patient, $0.doctor.id, .bookingDateTime($0.clinic.dateTime(minute: 10)))
    },
    RefusalCase("a start outside the hours", .failedPrecondition, "CLOSED") {
        let doctor = try await $0.clinic.doctor(opens: "09:00", closes: "17:00", by: $0.administrator)
        try await book($0.patient, doctor.id, .bookingDateTime($0.clinic.dateTime(hour: 17)))
    },
    RefusalCase("a department that is closed", .failedPrecondition, "CLOSED") {
        let doctor = try await $0.clinic.doctor(opens: "09:00", closes: "09:00", by: $0.administrator)
        try await book($0.patient, doctor.id, .bookingDateTime($0.clinic.dateTime(hour: 9)))
    },
    RefusalCase("a registration that has expired", .failedPrecondition, "REGISTRATION_EXPIRED") {
        let doctor = try await $0.clinic.doctor(expiry: "2020-01-01", by: $0.administrator)
        try await book($0.patient, doctor.id, .bookingDateTime($0.clinic.dateTime()))
    },
]

private let slotCases: [RefusalCase] = [
    RefusalCase("a slot that is taken", .alreadyExists, "SLOT_TAKEN") {
        let doctor = try await $0.newDoctor()
        let other = try await $0.clinic.signUp()
        _ = try await other.book(doctor, at: $0.clinic.dateTime())
        try await book($0.patient, doctor.id, .bookingDateTime($0.clinic.dateTime()))
    },
    RefusalCase("a patient who is busy", .alreadyExists, "PATIENT_BUSY") {
        let patient = try await $0.clinic.signUp()
        _ = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime())
        try await book(patient, $0.newDoctor().id, .bookingDateTime($0.clinic.dateTime()))
    },
    RefusalCase("an unknown doctor", .notFound, "DOCTOR_NOT_FOUND") {
        try await book($0.patient, 999_999, .bookingDateTime($0.clinic.dateTime()))
    },
    RefusalCase("an unknown patient", .notFound, "USER_NOT_FOUND") {
        try await book(
            $0.administrator, $0.newDoctor().id, .bookingDateTime($0.clinic.dateTime()), userID: 999_999)
    },
    RefusalCase("a patient who books for another", .permissionDenied, "ROLE_REQUIRED") {
        try await book(
            $0.patient, $0.doctor.id, .bookingDateTime($0.clinic.dateTime()), userID: $0.administrator.userID)
    },
]

private let directoryCases: [RefusalCase] = [
    RefusalCase("an e-mail that is taken, in another case", .alreadyExists, "EMAIL_TAKEN") {
        let email = "twice\($0.clinic.next())@example.org"
        try await signUp($0, email: email)
        try await signUp($0, email: "  " + email.uppercased())
    },
    RefusalCase("a registration number that is taken", .alreadyExists, "REGISTRATION_NUMBER_TAKEN") {
        try await $0.administrator.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: $0.doctor.department?.id ?? 0, fullName: "Dr Twin",
                registrationNumber: $0.doctor.registrationNumber, registrationExpiry: "2099-01-01",
                consultationFee: Money(minorUnits: 1)))
    },
    RefusalCase("a doctor of no department", .notFound, "DEPARTMENT_NOT_FOUND") {
        try await $0.administrator.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: 999_999, fullName: "Dr Lost", registrationNumber: "L\($0.clinic.next())",
                registrationExpiry: "2099-01-01", consultationFee: Money(minorUnits: 1)))
    },
    RefusalCase("a fee in another currency", .invalidArgument, "WRONG_CURRENCY") {
        try await $0.administrator.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: $0.doctor.department?.id ?? 0, fullName: "Dr Euro", registrationNumber: "E1",
                registrationExpiry: "2099-01-01", consultationFee: Money(minorUnits: 1, currencyCode: "EUR")))
    },
    RefusalCase("a negative fee", .invalidArgument, "INVALID_FIELD") {
        _ = try await $0.clinic.doctor(fee: -1, by: $0.administrator)
    },
    RefusalCase("a fee beyond counting", .invalidArgument, "INVALID_FIELD") {
        _ = try await $0.clinic.doctor(fee: 1_000_000_000_001, by: $0.administrator)
    },
    RefusalCase("a department name that is taken, in another case", .alreadyExists, "DEPARTMENT_NAME_TAKEN") {
        let name = "Øre, nese \($0.clinic.next())"
        for name in [name, name.uppercased()] {
            try await $0.administrator.call(
                DepartmentServiceMethods.createDepartment,
                CreateDepartmentRequest(
                    departmentName: name, operatingStartHour: "08:00", operatingEndHour: "09:00"))
        }
    },
    RefusalCase(
        "a department name that is taken, spelt with a combining accent", .alreadyExists,
        "DEPARTMENT_NAME_TAKEN"
    ) {
        let number = $0.clinic.next()
        for name in ["N\u{E9}phrologie \(number)", "Ne\u{301}phrologie \(number)"] {
            try await $0.administrator.call(
                DepartmentServiceMethods.createDepartment,
                CreateDepartmentRequest(
                    departmentName: name, operatingStartHour: "08:00", operatingEndHour: "09:00"))
        }
    },
    RefusalCase("an e-mail that is taken, spelt with a combining accent", .alreadyExists, "EMAIL_TAKEN") {
        let number = $0.clinic.next()
        try await signUp($0, email: "ren\u{E9}\(number)@example.org")
        try await signUp($0, email: "rene\u{301}\(number)@example.org")
    },
    RefusalCase("a department that ends before it starts", .invalidArgument, "INVALID_FIELD") {
        _ = try await $0.clinic.doctor(opens: "10:00", closes: "09:00", by: $0.administrator)
    },
    RefusalCase("an hour that is not HH:MM", .invalidArgument, "INVALID_FIELD") {
        _ = try await $0.clinic.doctor(opens: "9:00", by: $0.administrator)
    },
    RefusalCase("a department with doctors", .failedPrecondition, "HAS_DEPENDANTS") {
        try await $0.administrator.call(
            DepartmentServiceMethods.deleteDepartment,
            DeleteDepartmentRequest(departmentID: $0.doctor.department?.id ?? 0))
    },
    RefusalCase("a doctor with future bookings", .failedPrecondition, "HAS_DEPENDANTS") {
        let doctor = try await $0.newDoctor()
        _ = try await $0.clinic.signUp().book(doctor, at: $0.clinic.dateTime())
        try await $0.administrator.call(
            DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
    },
    RefusalCase("a department that is not there", .notFound, "DEPARTMENT_NOT_FOUND") {
        try await $0.administrator.call(
            DepartmentServiceMethods.deleteDepartment, DeleteDepartmentRequest(departmentID: 999_999))
    },
    RefusalCase("a field that cannot be changed", .invalidArgument, "INVALID_UPDATE_MASK") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: $0.doctor.id, updateMask: ProtobufFieldMask(paths: ["id"])))
    },
]

private let identityCases: [RefusalCase] = [
    RefusalCase("a password of 73 bytes", .invalidArgument, "INVALID_PASSWORD") {
        try await signUp($0, password: String(repeating: "x", count: 73))
    },
    RefusalCase("a password of 7 characters", .invalidArgument, "INVALID_PASSWORD") {
        try await signUp($0, password: "1234567")
    },
    RefusalCase("a wrong password", .unauthenticated, "WRONG_CREDENTIALS") {
        let email = "right\($0.clinic.next())@example.org"
        try await signUp($0, email: email)
        try await $0.anonymous.call(UserServiceMethods.login, LoginRequest(email: email, password: "wrong"))
    },
    RefusalCase("an unknown e-mail", .unauthenticated, "WRONG_CREDENTIALS") {
        try await $0.anonymous.call(
            UserServiceMethods.login, LoginRequest(email: "unknown\($0.clinic.next())@x", password: "wrong"))
    },
    RefusalCase("no token", .unauthenticated, "NOT_SIGNED_IN") {
        try await $0.anonymous.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
    },
    RefusalCase("an expired token, on a public method too", .unauthenticated, "INVALID_TOKEN") {
        let old = Instant.now.adding(seconds: -3_600) ?? .now
        let token = try AccessTokens(keys: $0.clinic.keys).issue(userID: 1, role: .admin, now: old)
        try await withToken(token.text, $0)
    },
    RefusalCase("a forged token, on a public method too", .unauthenticated, "INVALID_TOKEN") {
        let other = try SigningKeys(secret: Array("ffffffffffffffffffffffffffffffff".utf8))
        try await withToken(AccessTokens(keys: other).issue(userID: 1, role: .admin, now: .now).text, $0)
    },
    RefusalCase("two tokens", .unauthenticated, "INVALID_TOKEN") { scene in
        var metadata = Metadata()
        for _ in 0..<2 { metadata.append("Bearer \(scene.patient.token ?? "")", for: "authorization") }
        _ = try await scene.anonymous.client.call(
            DoctorServiceMethods.listDoctors, ListDoctorsRequest(), metadata: metadata)
    },
    RefusalCase("a patient who calls an administrator's method", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(
            DepartmentServiceMethods.deleteDepartment, DeleteDepartmentRequest(departmentID: 999_999))
    },
    RefusalCase("a patient who lists users", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(UserServiceMethods.listUsers, ListUsersRequest())
    },
    RefusalCase("a patient who lists another's bookings", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(BookingServiceMethods.listBookings, ListBookingsRequest(userID: 1))
    },
    RefusalCase("a patient who lists another's transactions", .permissionDenied, "ROLE_REQUIRED") {
        try await $0.patient.call(
            PaymentServiceMethods.listTransactions, ListTransactionsRequest(userID: $0.administrator.userID))
    },
]

private let changeCases: [RefusalCase] = [
    RefusalCase("another patient's booking, cancelled", .notFound, "BOOKING_NOT_FOUND") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
    },
    RefusalCase("another patient's booking, deleted", .notFound, "BOOKING_NOT_FOUND") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.patient.call(
            BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
    },
    RefusalCase("another patient's booking, paid", .notFound, "BOOKING_NOT_FOUND") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        _ = try await $0.patient.pay(booking)
    },
    RefusalCase("an owner who does more than cancel", .permissionDenied, "OWNER_MAY_ONLY_CANCEL") {
        try await $0.patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: 1, status: .arrived))
    },
    RefusalCase("a stale etag of a booking", .aborted, "STALE_ETAG") {
        let patient = try await $0.clinic.signUp()
        let booking = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime())
        _ = try await patient.pay(booking)
        try await patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled, etag: booking.etag))
    },
    RefusalCase("a stale etag of a department", .aborted, "STALE_ETAG") {
        try await $0.administrator.call(
            DepartmentServiceMethods.updateDepartment,
            UpdateDepartmentRequest(departmentID: $0.doctor.department?.id ?? 0, etag: otherEtag))
    },
    RefusalCase("an etag that is none", .invalidArgument, "INVALID_ETAG") {
        try await $0.administrator.call(
            DoctorServiceMethods.updateDoctor, UpdateDoctorRequest(doctorID: $0.doctor.id, etag: "+1"))
    },
    RefusalCase("a no-show before the start", .failedPrecondition, "NOT_STARTED") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.administrator.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .noShow))
    },
    RefusalCase("a kind of resource that is none, in the audit trail", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(entity: "bookings"))
    },
    RefusalCase("a method that is none, in the audit trail", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(method: "BookAppointment"))
    },
    RefusalCase("an arrival on another day", .failedPrecondition, "WRONG_DAY") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        _ = try await $0.administrator.set(.arrived, of: booking)
    },
    RefusalCase("a move the states do not have", .failedPrecondition, "INVALID_TRANSITION") {
        let booking = try await $0.clinic.signUp().book($0.newDoctor(), at: $0.clinic.dateTime())
        try await $0.administrator.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .completed))
    },
    RefusalCase("a booking that is paid already", .failedPrecondition, "ALREADY_PAID") {
        let patient = try await $0.clinic.signUp()
        let booking = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime())
        _ = try await patient.pay(booking)
        _ = try await patient.pay(booking)
    },
    RefusalCase("a cancelled booking, paid", .failedPrecondition, "NOT_PAYABLE") {
        let patient = try await $0.clinic.signUp()
        let booking = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime())
        try await patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
        _ = try await patient.pay(booking)
    },
    RefusalCase("a transaction that is refunded already", .failedPrecondition, "NOTHING_TO_REFUND") {
        let patient = try await $0.clinic.signUp()
        let transaction = try await patient.pay(patient.book($0.newDoctor(), at: $0.clinic.dateTime()))
        for _ in 0..<2 {
            try await $0.administrator.call(
                PaymentServiceMethods.refundTransaction,
                RefundTransactionRequest(transactionID: transaction.id))
        }
    },
    RefusalCase("a transaction that is not there", .notFound, "TRANSACTION_NOT_FOUND") {
        try await $0.administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: 999_999))
    },
    RefusalCase("an idempotency key that was used for something else", .invalidArgument, "KEY_REUSED") {
        let patient = try await $0.clinic.signUp()
        _ = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime(), key: "k")
        _ = try await patient.book($0.newDoctor(), at: $0.clinic.dateTime(hour: 11), key: "k")
    },
    RefusalCase("an idempotency key that is too long", .invalidArgument, "INVALID_IDEMPOTENCY_KEY") {
        _ = try await $0.patient.book(
            $0.doctor, at: $0.clinic.dateTime(), key: String(repeating: "k", count: 129))
    },
    RefusalCase("a negative page size", .invalidArgument, "INVALID_PAGE_SIZE") {
        try await $0.anonymous.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest(pageSize: -1))
    },
    RefusalCase("a page token of another list", .invalidArgument, "INVALID_PAGE_TOKEN") {
        _ = try await $0.newDoctor()
        _ = try await $0.newDoctor()
        let page = try await $0.anonymous.call(
            DoctorServiceMethods.listDoctors, ListDoctorsRequest(pageSize: 1))
        try await $0.anonymous.call(
            DoctorServiceMethods.listDoctors,
            ListDoctorsRequest(pageSize: 1, pageToken: page.nextPageToken, departmentID: 1))
    },
]

private let bodyCases: [RefusalCase] = [
    RefusalCase("bytes that are not protobuf", .invalidArgument, "MALFORMED_REQUEST") {
        try await raw($0, [0x0A, 0xFF, 0xFF])
    },
    RefusalCase("a string that is not UTF-8", .invalidArgument, "MALFORMED_REQUEST") {
        try await raw($0, [0x0A, 0x02, 0xC3, 0x28])
    },
    RefusalCase("a string that holds NUL", .invalidArgument, "MALFORMED_REQUEST") {
        try await raw($0, [0x0A, 0x03, 0x61, 0x00, 0x62])
    },
    RefusalCase("a status that is not in the schema", "status") {
        _ = try await $0.patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: 1, status: .unrecognized(77)))
    },
]
