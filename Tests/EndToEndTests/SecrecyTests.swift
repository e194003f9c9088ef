// Secrets that must not reach a log, however much is logged: planted, used, and looked for in all that was written.

import ClinicClient
import ClinicMessages
import Foundation
import TTRPC
import TestCluster
import Testing

@Suite(.seated)
struct SecrecyTests {
    private static let password = "canary-password-7d1f"
    private static let name = "Canaryname"
    private static let email = "canary-mail-5b2e@example.org"
    private static let phone = "+61400313373"

    @Test func `no log holds what a patient typed or was given`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try await clinic.serve(["--log-level", "trace"])
        let administrator = try await clinic.run(
            "create-admin", ["--email", "admin@example.org", "--log-level", "trace"],
            input: Self.password + "-admin\n")
        let client = clinic.client()
        let signUp = CreateUserRequest(
            firstName: Self.name, lastName: Self.name, phone: Self.phone, email: Self.email,
            password: Self.password)
        let user = try await client.call(UserServiceMethods.createUser, signUp)
        _ = try await status { _ = try await client.call(UserServiceMethods.createUser, signUp) }
        _ = try await status { _ = try await clinic.logIn(Self.email, password: Self.password + "x") }
        let token = try await clinic.logIn(Self.email, password: Self.password).token
        try await book(in: clinic, token: token)
        // PostgreSQL refuses a NUL, and its own words would quote the text around it.
        _ = try await status {
            _ = try await client.call(
                UserServiceMethods.createUser,
                CreateUserRequest(
                    firstName: Self.name + "\0", lastName: Self.name, phone: Self.phone,
                    email: "x" + Self.email, password: Self.password))
        }
        // Statements are cut off in the middle, and the reasons logged.
        kill(try #require(clinic.postmaster), SIGKILL)
        try await eventually("PostgreSQL") {
            try await status { _ = try await clinic.logIn(Self.email, password: Self.password) } == nil
        }

        let ending = try await daemon.stop()
        #expect(!ending.errors.isEmpty)
        let log = try String(contentsOfFile: clinic.directory + "/postgresql.log", encoding: .utf8)
        let key = try String(contentsOfFile: clinic.directory + "/signing-keys", encoding: .utf8).dropLast()
        let written = [ending.output, ending.errors, administrator.output, administrator.errors, log]
        for text in written {
            for secret in [Self.password, Self.name, Self.email, Self.phone, token, String(key), "$2b$"] {
                #expect(!text.localizedCaseInsensitiveContains(secret), "\(secret) (user \(user.id))")
            }
            // Not in pieces either.
            for piece in token.split(separator: ".") { #expect(!text.contains(piece)) }
        }
    }

    @Test func `the database's password is in no log`() async throws {
        let url = try await TestCluster.makeDatabase()
        let secret = url.replacing("clinic@", with: "clinic:canary-database-9c4d@")
        let clinic = try Installation.empty()
        let daemon = try await clinic.serve(["--log-level", "trace", "--database", secret])
        let ending = try await daemon.stop()
        #expect(!ending.errors.isEmpty)
        #expect(!(ending.output + ending.errors).contains("canary"))

        let bad = try await Program.run(
            "clinicd", ["migrate", "--log-level", "trace"],
            environment: ["CLINIC_DATABASE": "postgresql://clinic:canary@127.0.0.1:1/x"])
        expectComplaint(bad, "the database cannot be used")
        #expect(!bad.errors.contains("canary"))
    }

    /// Books and pays, and is refused once.
    private func book(in clinic: Installation, token: String) async throws {
        let administration = clinic.client()
        administration.token = try await clinic.logIn(
            "admin@example.org", password: Self.password + "-admin"
        ).token
        let department = try await administration.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Cardiology", operatingStartHour: "00:00", operatingEndHour: "24:00"))
        let doctor = try await administration.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: department.id, fullName: "Dr Hart", registrationNumber: "MED1",
                registrationExpiry: "2099-12-31", consultationFee: Money(minorUnits: 100)))
        let patient = clinic.client()
        patient.token = token
        // Two days ahead on a whole hour, which is on the grid in Sydney.
        let seconds = (Int64(Date().timeIntervalSince1970) / 3600 + 48) * 3600
        let request = BookAppointmentRequest(
            doctorID: doctor.id, time: .startTime(ProtobufTimestamp(seconds: seconds)))
        let booking = try await patient.call(BookingServiceMethods.bookAppointment, request)
        let refusal = try await status {
            _ = try await patient.call(BookingServiceMethods.bookAppointment, request)
        }
        #expect(refusal?.code == .alreadyExists)
        _ = try await patient.call(PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id))
    }
}
