// The table of IdempotencyTests: each mutation of the schema as a call that has an effect, and what makes it impossible
// afterwards.

import ClinicMessages
import ClinicService
import Foundation
import ProtobufC
import RPC
import TTRPC

/// One mutation: a call that has an effect, and what happens after it.
struct KeyedCase: Sendable {
    let service: String
    let method: String
    /// Who calls.
    var session: Session
    let payload: [UInt8]
    /// Changes the world.
    let afterwards: @Sendable () async throws -> Void
    /// Signs the caller in again, where the call ends the session.
    let signInAgain: (@Sendable () async throws -> Session)?

    init<Request, Response>(
        _ method: ProtobufC.Method<Request, Response>, by session: Session, _ request: Request,
        afterwards: @escaping @Sendable () async throws -> Void = {},
        signInAgain: (@Sendable () async throws -> Session)? = nil
    ) {
        service = method.service
        self.method = method.name
        self.session = session
        payload = request.encoded()
        self.afterwards = afterwards
        self.signInAgain = signInAgain
    }

    func call(key: String, more: [UInt8] = [], instead: [UInt8]? = nil) async throws -> [UInt8] {
        try await session.client.call(
            service: service, method: method, payload: (instead ?? payload) + more,
            metadata: ["authorization": "Bearer \(session.token ?? "")", "idempotency-key": key])
    }
}

/// Makes the case of a mutation on things of its own.
typealias KeyedCaseMaker = @Sendable (RefusalScene) async throws -> KeyedCase

let keyedCases = [directoryCases, bookingCases, slotKeyedCases].reduce(userCases) { $0.merging($1) { $1 } }

private let userCases: [String: KeyedCaseMaker] = [
    "CreateUser": { scene in
        KeyedCase(
            UserServiceMethods.createUser, by: scene.administrator,
            CreateUserRequest(
                firstName: "Key", lastName: "Holder", email: "key\(scene.clinic.next())@example.org",
                password: "long enough"))
    },
    "CreatePasswordReset": { scene in
        KeyedCase(
            UserServiceMethods.createPasswordReset, by: scene.administrator,
            CreatePasswordResetRequest(userID: try await scene.clinic.signUp().userID))
    },
    "UpdateUser": { scene in
        let patient = try await scene.clinic.signUp()
        let user = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
        return KeyedCase(
            UserServiceMethods.updateUser, by: patient,
            UpdateUserRequest(user: User(firstName: "Patricia"), etag: user.etag)
        ) {
            try await patient.call(
                UserServiceMethods.updateUser, UpdateUserRequest(user: User(firstName: "Patrick")))
        }
    },
    "ChangePassword": { scene in
        let patient = try await scene.clinic.signUp()
        let user = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
        let change = ChangePasswordRequest(
            currentPassword: TestClinic.password, newPassword: "another \(TestClinic.password)")
        return KeyedCase(
            UserServiceMethods.changePassword, by: patient, change,
            signInAgain: {
                let login = try await patient.anonymous.call(
                    UserServiceMethods.login, LoginRequest(email: user.email, password: change.newPassword))
                return Session(client: patient.client, token: login.token, userID: patient.userID)
            })
    },
    "RevokeTokens": { scene in
        KeyedCase(
            UserServiceMethods.revokeTokens, by: scene.administrator,
            RevokeTokensRequest(userID: try await scene.clinic.signUp().userID))
    },
    "SetUserRole": { scene in
        let userID = try await scene.clinic.signUp().userID
        return KeyedCase(
            UserServiceMethods.setUserRole, by: scene.administrator,
            SetUserRoleRequest(userID: userID, role: .staff)
        ) {
            try await scene.administrator.call(
                UserServiceMethods.setUserRole, SetUserRoleRequest(userID: userID, role: .patient))
        }
    },
    "EraseUser": { scene in
        KeyedCase(
            UserServiceMethods.eraseUser, by: scene.administrator,
            EraseUserRequest(userID: try await scene.clinic.signUp().userID))
    },
]

private let directoryCases: [String: KeyedCaseMaker] = [
    "CreateDepartment": { scene in
        KeyedCase(
            DepartmentServiceMethods.createDepartment, by: scene.administrator,
            CreateDepartmentRequest(
                departmentName: "Keys \(scene.clinic.next())", operatingStartHour: "09:00",
                operatingEndHour: "17:00"))
    },
    "UpdateDepartment": { scene in
        let department = try await department(scene)
        return KeyedCase(
            DepartmentServiceMethods.updateDepartment, by: scene.administrator,
            UpdateDepartmentRequest(
                departmentID: department.id, department: Department(operatingEndHour: "18:00"),
                etag: department.etag)
        ) {
            try await scene.administrator.call(
                DepartmentServiceMethods.deleteDepartment,
                DeleteDepartmentRequest(departmentID: department.id))
        }
    },
    "DeleteDepartment": { scene in
        KeyedCase(
            DepartmentServiceMethods.deleteDepartment, by: scene.administrator,
            DeleteDepartmentRequest(departmentID: try await department(scene).id))
    },
    "RegisterDoctor": { scene in
        KeyedCase(
            DoctorServiceMethods.registerDoctor, by: scene.administrator,
            RegisterDoctorRequest(
                departmentID: scene.doctor.department?.id ?? 0, fullName: "Dr Key",
                registrationNumber: "K\(scene.clinic.next())", registrationExpiry: "2099-01-01",
                consultationFee: Money(minorUnits: 100)))
    },
    "UpdateDoctor": { scene in
        let doctor = try await scene.newDoctor()
        return KeyedCase(
            DoctorServiceMethods.updateDoctor, by: scene.administrator,
            UpdateDoctorRequest(
                doctorID: doctor.id, doctor: Doctor(fullName: "Dr New"), etag: doctor.etag)
        ) {
            try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        }
    },
    "DeleteDoctor": { scene in
        KeyedCase(
            DoctorServiceMethods.deleteDoctor, by: scene.administrator,
            DeleteDoctorRequest(doctorID: try await scene.newDoctor().id))
    },
]

private let bookingCases: [String: KeyedCaseMaker] = [
    "BookAppointment": { scene in
        let (doctor, patient) = (try await scene.newDoctor(), try await scene.clinic.signUp())
        return KeyedCase(
            BookingServiceMethods.bookAppointment, by: patient,
            BookAppointmentRequest(
                doctorID: doctor.id, time: .bookingDateTime(try scene.clinic.dateTime()))
        ) {
            let booking = try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest()
            ).bookings[0]
            try await patient.call(
                BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
            try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        }
    },
    "UpdateBookingStatus": { scene in
        let (patient, booking) = try await booking(scene)
        return KeyedCase(
            BookingServiceMethods.updateBookingStatus, by: patient,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled, etag: booking.etag)
        ) {
            try await patient.call(
                BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
        }
    },
    "DeleteBooking": { scene in
        let (patient, booking) = try await booking(scene)
        return KeyedCase(
            BookingServiceMethods.deleteBooking, by: patient, DeleteBookingRequest(bookingID: booking.id))
    },
    "PayBooking": { scene in
        let (patient, booking) = try await booking(scene)
        return KeyedCase(
            PaymentServiceMethods.payBooking, by: patient, PayBookingRequest(bookingID: booking.id)
        ) {
            try await patient.call(
                BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
        }
    },
    "RefundTransaction": { scene in
        let (patient, booking) = try await booking(scene)
        let transaction = try await patient.pay(booking)
        return KeyedCase(
            PaymentServiceMethods.refundTransaction, by: scene.administrator,
            RefundTransactionRequest(transactionID: transaction.id, amount: Money(minorUnits: 12_345))
        ) {
            try await scene.administrator.call(
                PaymentServiceMethods.deleteTransaction,
                DeleteTransactionRequest(transactionID: transaction.id))
        }
    },
    "DeleteTransaction": { scene in
        let (patient, booking) = try await booking(scene)
        return KeyedCase(
            PaymentServiceMethods.deleteTransaction, by: scene.administrator,
            DeleteTransactionRequest(transactionID: try await patient.pay(booking).id))
    },
]

private func department(_ scene: RefusalScene) async throws -> Department {
    try await scene.administrator.call(
        DepartmentServiceMethods.createDepartment,
        CreateDepartmentRequest(
            departmentName: "Keyed \(scene.clinic.next())", operatingStartHour: "09:00",
            operatingEndHour: "17:00"))
}

private func booking(_ scene: RefusalScene) async throws -> (Session, Booking) {
    let patient = try await scene.clinic.signUp()
    return (patient, try await patient.book(scene.newDoctor(), at: scene.clinic.dateTime()))
}
