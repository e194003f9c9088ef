// The twenty operations as patients, staff and administrators use them, through the socket.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import Testing

@Suite struct StoryTests {
    private static let shared = Task { try await TestClinic() }

    /// A clinic that other tests use at the same time, with an administrator, a doctor and a patient of one's own.
    private func scene(
        fee: Int64 = 20_099
    ) async throws -> (clinic: TestClinic, administrator: Session, doctor: Doctor, patient: Session) {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        return (
            clinic, administrator, try await clinic.doctor(fee: fee, by: administrator),
            try await clinic.signUp()
        )
    }

    private func mine(_ patient: Session) async throws -> [Booking] {
        try await patient.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest()).bookings
    }

    @Test func `a patient signs up, books a doctor and pays to the cent`() async throws {
        let (clinic, _, doctor, patient) = try await scene()
        let dateTime = try clinic.dateTime(hour: 14, minute: 30)
        let booking = try await patient.book(doctor, at: dateTime)
        #expect(booking.status == .booked)
        #expect(booking.bookingDateTime == dateTime)
        #expect((booking.endTime?.seconds ?? 0) - (booking.startTime?.seconds ?? 0) == 1_800)
        #expect(booking.user?.id == patient.userID)
        #expect(booking.doctor?.fullName == "Dr Who")
        #expect(booking.transactions.isEmpty)

        let transaction = try await patient.pay(booking)
        #expect(transaction.fee == Money(minorUnits: 20_099, currencyCode: "AUD"))
        #expect(transaction.gst == Money(minorUnits: 2_010, currencyCode: "AUD"))
        #expect(transaction.totalFee == Money(minorUnits: 22_109, currencyCode: "AUD"))
        #expect(transaction.status == .paid)
        #expect(transaction.booking?.status == .confirmed)

        let listed = try await mine(patient)
        #expect(listed.map { $0.status } == [.confirmed])
        #expect(
            listed.first?.transactions == [
                TransactionSummary(id: transaction.id, totalFee: transaction.totalFee, status: .paid)
            ])
        let transactions = try await patient.call(
            PaymentServiceMethods.listTransactions, ListTransactionsRequest())
        #expect(transactions.transactions == [transaction])
    }

    @Test(
        arguments: [(20_099, 2_010), (20_095, 2_010), (50_099, 5_010), (15, 2), (0, 0)] as [(Int64, Int64)])
    func `GST is rounded half up`(fee: Int64, gst: Int64) async throws {
        let (clinic, _, doctor, patient) = try await scene(fee: fee)
        let transaction = try await patient.pay(patient.book(doctor, at: clinic.dateTime()))
        #expect(transaction.gst?.minorUnits == gst)
        #expect(transaction.totalFee?.minorUnits == fee + gst)
    }

    @Test func `a cancelled slot can be booked again`() async throws {
        let (clinic, _, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let cancelling = UpdateBookingStatusRequest(
            bookingID: booking.id, status: .cancelled, etag: booking.etag)
        let cancelled = try await patient.call(BookingServiceMethods.updateBookingStatus, cancelling)
        #expect(cancelled.status == .cancelled)
        #expect(cancelled.etag != booking.etag)
        // Repeating it answers as the first time and does nothing, unless it names a version that is no longer there.
        #expect(try await patient.cancel(booking) == cancelled)
        #expect(
            try await ending {
                try await patient.call(BookingServiceMethods.updateBookingStatus, cancelling)
            } == "STALE_ETAG")
        let other = try await clinic.signUp()
        #expect(try await other.book(doctor, at: clinic.dateTime()).status == .booked)
    }

    @Test func `a full refund cancels the booking and frees its slot`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let transaction = try await patient.pay(patient.book(doctor, at: clinic.dateTime()))
        let refunded = try await administrator.call(
            PaymentServiceMethods.refundTransaction, RefundTransactionRequest(transactionID: transaction.id))
        #expect(refunded.status == .refunded)
        #expect(refunded.refundedAmount == transaction.totalFee)
        #expect(refunded.booking?.status == .cancelled)
        let other = try await clinic.signUp()
        #expect(try await other.book(doctor, at: clinic.dateTime()).status == .booked)
    }

    @Test func `a patient's cancellation returns the payment a day ahead and keeps it later`() async throws {
        let (clinic, _, doctor, patient) = try await scene()
        let early = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 3))
        _ = try await patient.pay(early)
        let cancelled = try await patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: early.id, status: .cancelled))
        #expect(cancelled.payments == [.refunded])

        // The next half hour that begins at least half an hour from now.
        let seconds = (Instant.now.secondsSinceEpoch / 1_800 + 2) * 1_800
        let late = try await patient.call(
            BookingServiceMethods.bookAppointment,
            BookAppointmentRequest(doctorID: doctor.id, time: .startTime(ProtobufTimestamp(seconds: seconds)))
        )
        _ = try await patient.pay(late)
        let kept = try await patient.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: late.id, status: .cancelled))
        #expect(kept.payments == [.paid])
    }

    @Test func `what the clinic cancels is always returned`() async throws {
        let (_, administrator, doctor, patient) = try await scene()
        let seconds = (Instant.now.secondsSinceEpoch / 1_800 + 2) * 1_800
        let booking = try await patient.call(
            BookingServiceMethods.bookAppointment,
            BookAppointmentRequest(doctorID: doctor.id, time: .startTime(ProtobufTimestamp(seconds: seconds)))
        )
        _ = try await patient.pay(booking)
        let cancelled = try await administrator.call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
        #expect(cancelled.payments == [.refunded])
    }

    @Test func `the staff see a visit through`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        try await clinic.move(booking, toMinute: 0, until: 30)
        for target in [ClinicMessages.BookingStatus.arrived, .completed] {
            let moved = try await administrator.call(
                BookingServiceMethods.updateBookingStatus,
                UpdateBookingStatusRequest(bookingID: booking.id, status: target))
            #expect(moved.status == target)
        }
        // It may still be paid, and keeps its status.
        #expect(try await patient.pay(booking).booking?.status == .completed)
    }

    @Test func `a deleted transaction is void and hidden, and the booking can be paid again`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let transaction = try await patient.pay(booking)
        try await administrator.call(
            PaymentServiceMethods.deleteTransaction, DeleteTransactionRequest(transactionID: transaction.id))
        let left = try await patient.call(PaymentServiceMethods.listTransactions, ListTransactionsRequest())
        #expect(left.transactions.isEmpty)
        #expect(try await mine(patient).map { $0.status } == [.booked])
        #expect(try await patient.pay(booking).status == .paid)
    }

    @Test func `a deleted booking is cancelled, returned and hidden`() async throws {
        let (clinic, _, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 4))
        let transaction = try await patient.pay(booking)
        try await patient.call(
            BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
        #expect(try await mine(patient).isEmpty)
        let left = try await patient.call(PaymentServiceMethods.listTransactions, ListTransactionsRequest())
        #expect(left.transactions.map { $0.status } == [.refunded])
        #expect(left.transactions.map { $0.id } == [transaction.id])
    }

    @Test func `a later price does not touch a booking that was made before`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let dearer = try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: doctor.id, doctor: Doctor(consultationFee: Money(minorUnits: 99_900)),
                updateMask: ProtobufFieldMask(paths: ["consultation_fee"]), etag: doctor.etag))
        #expect(dearer.consultationFee?.minorUnits == 99_900)
        #expect(dearer.fullName == doctor.fullName)
        #expect(try await patient.pay(booking).totalFee?.minorUnits == 22_109)
    }

    @Test func `a doctor who is free of GST charges none`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(gstFree: true)))
        let transaction = try await patient.pay(patient.book(doctor, at: clinic.dateTime()))
        #expect(transaction.gst?.minorUnits == 0)
        #expect(transaction.totalFee?.minorUnits == 20_099)
    }

    @Test func `an update of a department changes the fields that are set and validates the merged row`()
        async throws
    {
        let (_, administrator, doctor, _) = try await scene()
        let id = doctor.department?.id ?? 0
        let renamed = try await administrator.call(
            DepartmentServiceMethods.updateDepartment,
            UpdateDepartmentRequest(
                departmentID: id,
                department: Department(operatingStartHour: "08:00", operatingEndHour: "17:00")))
        #expect(renamed.operatingStartHour == "08:00")
        #expect(renamed.departmentName == doctor.department?.departmentName)
        let failure = try await status {
            try await administrator.call(
                DepartmentServiceMethods.updateDepartment,
                UpdateDepartmentRequest(departmentID: id, department: Department(operatingEndHour: "07:00")))
        }
        #expect(failure?.errorInfo?.reason == "INVALID_FIELD")
    }

    @Test func `what has no dependants can be deleted, and its name be used again`() async throws {
        let (_, administrator, doctor, _) = try await scene()
        let id = doctor.department?.id ?? 0
        try await administrator.call(
            DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        let doctors = try await administrator.call(
            DoctorServiceMethods.listDoctors, ListDoctorsRequest(departmentID: id))
        #expect(doctors.doctors.isEmpty)
        try await administrator.call(
            DepartmentServiceMethods.deleteDepartment, DeleteDepartmentRequest(departmentID: id))
        let again = try await administrator.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: doctor.department?.departmentName ?? "", operatingStartHour: "08:00",
                operatingEndHour: "24:00"))
        #expect(again.id != id)
    }

    @Test func `the public list of bookings says nothing about patients, the staff's is whole`() async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let request = ListBookingsRequest(doctorID: doctor.id)
        for stranger in [try await clinic.connect(), try await clinic.signUp()] {
            let seen = try await stranger.call(BookingServiceMethods.listBookings, request).bookings
            #expect(
                seen == [
                    Booking(
                        id: booking.id, startTime: booking.startTime, endTime: booking.endTime,
                        bookingDateTime: booking.bookingDateTime, status: .booked, doctor: booking.doctor)
                ])
        }
        #expect(
            try await administrator.call(BookingServiceMethods.listBookings, request).bookings == [booking])
    }

    @Test func `the staff book for a patient`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await administrator.call(
            BookingServiceMethods.bookAppointment,
            BookAppointmentRequest(
                doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime()), userID: patient.userID))
        #expect(booking.user?.id == patient.userID)
        #expect(try await mine(patient) == [booking])
    }

    @Test func `roles are not taken from a sign-up, and users are found by e-mail and role`() async throws {
        let (clinic, administrator, _, patient) = try await scene()
        let users = try await administrator.call(
            UserServiceMethods.listUsers, ListUsersRequest(pageSize: 1000, role: .patient)
        ).users
        let found = try #require(users.first { $0.id == patient.userID })
        #expect(found.role == .patient)
        #expect(!found.isAdmin)
        let byEmail = try await administrator.call(
            UserServiceMethods.listUsers, ListUsersRequest(email: " \(found.email.uppercased()) "))
        #expect(byEmail.users == [found])
        _ = clinic
    }
}
