// Secrets that must not reach a log, however much is logged: planted, used, and looked for in all that was written.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import TTRPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct SecrecyTests {
    private static let password = "canary-password-7d1f"
    private static let name = "Canaryname"
    private static let email = "canary-mail-5b2e@example.org"
    private static let phone = "+61400313373"

    private static let key = "canary-key-c40e"

    @Test(arguments: ["text", "json"])
    func `no log and no metric holds what a patient typed or was given`(_ format: String) async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try await clinic.serve([
            "--log-level", "trace", "--log-format", format, "--metrics", "127.0.0.1:0",
        ])
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0.prefix(while: \.isNumber)) })
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
        let session = try await clinic.logIn(Self.email, password: Self.password)
        let token = session.token
        try await book(in: clinic, token: token)
        let pageToken = try await plantInMetadata(of: clinic, token: token)
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

        let metrics = try await WebAnswer.get("/metrics", port: port).body
        #expect(try Exposition(parsing: metrics).sum("clinic_calls_total") > 8)
        let ending = try await daemon.stop()
        #expect(!ending.errors.isEmpty)
        let log = try String(contentsOfFile: clinic.directory + "/postgresql.log", encoding: .utf8)
        let key = try String(contentsOfFile: clinic.directory + "/signing-keys", encoding: .utf8).dropLast()
        let written = [
            ending.output, ending.errors, administrator.output, administrator.errors, log, metrics,
        ]
        for text in written {
            for secret in [
                Self.password, Self.name, Self.email, Self.phone, token, String(key), "$2b$", "canary",
                session.refreshToken, pageToken, Self.key,
            ] {
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

    /// Uses keys, tokens and names where the wire carries them beside the message, in good calls and in bad ones; returns
    /// a page token.
    private func plantInMetadata(of clinic: Installation, token: String) async throws -> String {
        let raw = try await Client.connect(to: clinic.socket)
        let metadata: Metadata = ["authorization": "Bearer \(token)", "idempotency-key": Self.key]
        let administrator = try await clinic.logIn("admin@example.org", password: Self.password + "-admin")
        let users = try await raw.call(
            UserServiceMethods.listUsers, ListUsersRequest(pageSize: 1),
            metadata: ["authorization": "Bearer \(administrator.token)"])
        let name = UpdateUserRequest(
            user: User(lastName: Self.name), updateMask: ProtobufFieldMask(paths: ["last_name"]))
        for _ in 1...2 {
            _ = try await raw.call(UserServiceMethods.updateUser, name, metadata: metadata)
        }
        for (header, value) in [
            ("authorization", "Bearer canary-token"), ("authorization", "canary \(token)x"),
            ("idempotency-key", Self.key + "\u{7}"), ("canary-header\n", "canary"),
        ] {
            let refusal = try await status {
                _ = try await raw.call(
                    UserServiceMethods.updateUser, name,
                    metadata: header == "authorization"
                        ? [header: value] : ["authorization": "Bearer \(token)", header: value])
            }
            #expect(refusal != nil)
        }
        for (service, method) in [
            ("canary.Service", "Canary"), ("clinic.v1.UserService", "canary-mail-5b2e@example.org"),
        ] {
            _ = try await status {
                _ = try await raw.call(service: service, method: method, payload: Array("canary".utf8))
            }
        }
        _ = try await status {
            _ = try await raw.call(
                BookingServiceMethods.listBookings, ListBookingsRequest(pageToken: "canary-page-token"))
        }
        await raw.close()
        return users.nextPageToken
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
