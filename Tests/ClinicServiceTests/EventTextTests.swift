// Events are kept for ever and EraseUser does not reach them, so what a person typed is never in them.

import ClinicMessages
import PostgreSQL
import RPC
import Testing

@Suite struct EventTextTests {
    @Test func `an event holds ids and the names of fields, and nothing that somebody typed about a person`()
        async throws
    {
        try await withClinic { clinic in
            let canary = "canary"
            let anonymous = try await clinic.connect()
            let email = "\(canary)@example.org"
            let user = try await anonymous.call(
                UserServiceMethods.createUser,
                CreateUserRequest(
                    firstName: canary, lastName: canary, phone: "0490149014", email: email,
                    password: TestClinic.password))
            let patient = try await anonymous.signedIn(email: email, userID: user.id)
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            try await patient.call(
                UserServiceMethods.updateUser,
                UpdateUserRequest(
                    user: User(
                        firstName: "\(canary)2", lastName: "\(canary)2", phone: "0490149015",
                        email: "\(canary)2@example.org"),
                    currentPassword: TestClinic.password))
            try await administrator.call(
                DoctorServiceMethods.updateDoctor,
                UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(fullName: "Dr \(canary)")))
            let paid = try await patient.book(doctor, at: try clinic.dateTime(hour: 9))
            let payment = try await patient.pay(paid)
            try await administrator.call(
                PaymentServiceMethods.refundTransaction, RefundTransactionRequest(transactionID: payment.id))
            let moved = try await patient.book(doctor, at: try clinic.dateTime(hour: 10))
            try await patient.reschedule(moved, to: try clinic.dateTime(hour: 11))
            try await patient.call(
                UserServiceMethods.changePassword,
                ChangePasswordRequest(currentPassword: TestClinic.password, newPassword: "\(canary) password")
            )
            try await administrator.call(UserServiceMethods.eraseUser, EraseUserRequest(userID: user.id))

            var row = try await clinic.database.read(
                Statement(
                    """
                    select count(*), count(*) filter (where event::text ~* 'canary|049014901')
                    from clinic.event
                    """))[0]
            #expect(try row.int64() >= 12)
            #expect(try row.int64() == 0)
        }
    }
}
