// The requests that the arguments of each command produce.

import ArgumentParser
import ClinicMessages
import RPCMessages
import Testing

@testable import clinic

@Suite struct RequestTests {
    private let instant = ProtobufTimestamp(seconds: 1_795_474_800)

    @Test func `requests of user and login commands`() throws {
        #expect(
            try request(
                CreateUser.self, "user", "create", "--first-name", "Ada", "--last-name", "Lovelace",
                "--email",
                "ada@example.com", "--phone", "+61255550123", "--password-stdin")
                == CreateUserRequest(
                    firstName: "Ada", lastName: "Lovelace", phone: "+61255550123", email: "ada@example.com",
                    password: "correct horse"))
        #expect(
            try request(Login.self, "login", "--email", "ada@example.com", "--password-stdin")
                == LoginRequest(email: "ada@example.com", password: "correct horse"))
        #expect(
            try request(
                ListUsers.self, "user", "list", "--role", "Staff", "--email", "a@b", "--page-size", "3")
                == ListUsersRequest(pageSize: 3, email: "a@b", role: .staff))
    }

    @Test func `requests of account commands`() throws {
        #expect(try request(ShowUser.self, "user", "show") == GetUserRequest())
        #expect(try request(ShowUser.self, "user", "show", "8") == GetUserRequest(userID: 8))
        #expect(
            try request(
                UpdateUser.self, "user", "update", "--phone", "", "--last-name", "Byron", "--etag", "4")
                == UpdateUserRequest(
                    user: User(lastName: "Byron"),
                    updateMask: ProtobufFieldMask(paths: ["last_name", "phone"]), etag: "4"))
        #expect(
            try request(
                UpdateUser.self, "user", "update", "8", "--first-name", "A", "--email", "a@b",
                "--password-stdin")
                == UpdateUserRequest(
                    userID: 8, user: User(firstName: "A", email: "a@b"),
                    updateMask: ProtobufFieldMask(paths: ["first_name", "email"]),
                    currentPassword: "correct horse"))
        #expect(
            try request(SetUserRole.self, "user", "set-role", "8", "staff", "--etag", "2")
                == SetUserRoleRequest(userID: 8, role: .staff, etag: "2"))
        #expect(try request(SignOutUser.self, "user", "sign-out") == RevokeTokensRequest())
        #expect(try request(SignOutUser.self, "user", "sign-out", "8") == RevokeTokensRequest(userID: 8))
        #expect(try request(EraseUser.self, "user", "erase", "8", "--yes") == EraseUserRequest(userID: 8))
    }

    @Test func `requests of department commands`() throws {
        #expect(
            try request(ListDepartments.self, "department", "list", "--page-token", "t")
                == ListDepartmentsRequest(pageToken: "t"))
        #expect(
            try request(
                CreateDepartment.self, "department", "create", "--name", "Eyes", "--opens", "08:00",
                "--closes",
                "18:00")
                == CreateDepartmentRequest(
                    departmentName: "Eyes", operatingStartHour: "08:00", operatingEndHour: "18:00"))
        #expect(
            try request(
                UpdateDepartment.self, "department", "update", "2", "--closes", "20:00", "--etag", "5")
                == UpdateDepartmentRequest(
                    departmentID: 2, department: Department(operatingEndHour: "20:00"),
                    updateMask: ProtobufFieldMask(paths: ["operating_end_hour"]), etag: "5"))
        #expect(
            try request(DeleteDepartment.self, "department", "delete", "2")
                == DeleteDepartmentRequest(departmentID: 2))
    }

    @Test func `requests of doctor commands`() throws {
        #expect(
            try request(ListDoctors.self, "doctor", "list", "--department", "2", "--all")
                == ListDoctorsRequest(pageSize: 1000, departmentID: 2))
        #expect(
            try request(
                RegisterDoctor.self, "doctor", "register", "--department", "2", "--name", "Dr Hopper",
                "--registration-number", "MED1", "--registration-expiry", "2027-09-30", "--fee", "200.99",
                "--slot-minutes", "15", "--gst-free")
                == RegisterDoctorRequest(
                    departmentID: 2, fullName: "Dr Hopper", registrationNumber: "MED1",
                    registrationExpiry: "2027-09-30",
                    consultationFee: Money(minorUnits: 20099, currencyCode: "AUD"), slotMinutes: 15,
                    gstFree: true))
        #expect(
            try request(
                UpdateDoctor.self, "doctor", "update", "3", "--no-gst-free", "--department", "4", "--name",
                "X")
                == UpdateDoctorRequest(
                    doctorID: 3, doctor: Doctor(fullName: "X", department: DepartmentSummary(id: 4)),
                    updateMask: ProtobufFieldMask(paths: ["full_name", "gst_free", "department"])))
        #expect(try request(DeleteDoctor.self, "doctor", "delete", "3") == DeleteDoctorRequest(doctorID: 3))
    }

    @Test func `requests of booking commands`() throws {
        #expect(
            try request(
                CreateBooking.self, "booking", "create", "--doctor", "3", "--at", "24/11/2026 10:00:00")
                == BookAppointmentRequest(doctorID: 3, time: .bookingDateTime("24/11/2026 10:00:00")))
        #expect(
            try request(CreateBooking.self, "booking", "create", "--doctor", "3", "--at", "24/11/2026 10:00")
                == BookAppointmentRequest(doctorID: 3, time: .bookingDateTime("24/11/2026 10:00:00")))
        #expect(
            try request(
                CreateBooking.self, "booking", "create", "--doctor", "3", "--at", "2026-11-24T10:00:00+11:00",
                "--user", "8")
                == BookAppointmentRequest(doctorID: 3, time: .startTime(instant), userID: 8))
        #expect(
            try request(
                ListBookings.self, "booking", "list", "--doctor", "3", "--status", "no-show", "--from",
                "2026-11-23T23:00:00Z", "--before", "2026-11-24T10:00:00+11:00", "--user", "8")
                == ListBookingsRequest(
                    doctorID: 3, statuses: [.noShow], startFrom: instant, startBefore: instant, userID: 8))
        #expect(
            try request(ListMyBookings.self, "booking", "mine", "--status", "BOOKING_STATUS_HELD")
                == ListMyBookingsRequest(statuses: [.held]))
        #expect(
            try request(CancelBooking.self, "booking", "cancel", "7", "--etag", "2")
                == UpdateBookingStatusRequest(bookingID: 7, status: .cancelled, etag: "2"))
        #expect(
            try request(SetBookingStatus.self, "booking", "set-status", "7", "No show")
                == UpdateBookingStatusRequest(bookingID: 7, status: .noShow))
        #expect(
            try request(DeleteBooking.self, "booking", "delete", "7") == DeleteBookingRequest(bookingID: 7))
    }

    @Test func `requests of payment and health commands`() throws {
        #expect(try request(PayBooking.self, "booking", "pay", "7") == PayBookingRequest(bookingID: 7))
        #expect(
            try request(
                ListTransactions.self, "transaction", "list", "--user", "8", "--booking", "7", "--status",
                "partially-refunded")
                == ListTransactionsRequest(userID: 8, bookingID: 7, statuses: [.partiallyRefunded]))
        #expect(
            try request(RefundTransaction.self, "transaction", "refund", "9")
                == RefundTransactionRequest(transactionID: 9))
        #expect(
            try request(DeleteTransaction.self, "transaction", "delete", "9")
                == DeleteTransactionRequest(transactionID: 9))
        #expect(try request(CheckHealth.self, "health") == HealthCheckRequest())
    }

    @Test func `a common option may precede the noun`() throws {
        let command = try #require(
            ClinicCommand.parseAsRoot(["--output", "json", "--timeout", "500ms", "booking", "pay", "7"])
                as? PayBooking)
        #expect(command.connection.display.output == .json)
        #expect(command.connection.timeout == .milliseconds(500))
    }
}
