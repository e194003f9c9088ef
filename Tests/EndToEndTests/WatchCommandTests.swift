// `clinic` on streams: a watch that goes on over restarts of the daemon, and a stream that does not.

import ClinicClient
import ClinicMessages
import Foundation
import ProtobufC
import RPC
import TTRPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct WatchCommandTests {
    @Test func `a watch goes on by itself when the daemon stops, dies and comes back`() async throws {
        let clinic = try await Installation.withDatabase()
        let email = "admin@example.org"
        #expect(try await clinic.createAdministrator(email).status == 0)
        var daemon = try await clinic.serve()
        let home = try Installation.empty().directory
        let environment = ["CLINIC_ADDRESS": "\(clinic.socket)", "HOME": home]
        let login = try await Program.run(
            "clinic", ["login", "--email", email, "--password-stdin"], environment: environment,
            input: Installation.password + "\n")
        #expect(login.status == 0, "\(login)")

        // Retries what can be, like the watch.
        let client = ClinicClient(address: clinic.socket, token: try await clinic.logIn(email).token)
        let department = try await client.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Eyes", operatingStartHour: "00:00", operatingEndHour: "24:00"))
        let doctor = try await client.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: department.id, fullName: "Dr Who", registrationNumber: "R1",
                registrationExpiry: "2999-12-31", consultationFee: Money(minorUnits: 100)))
        let slots = try await client.call(
            BookingServiceMethods.searchSlots, SearchSlotsRequest(subject: .doctorID(doctor.id)))
        let starts = try #require(slots.doctors.first).slots.suffix(3).compactMap(\.startTime)
        func book(_ index: Int) async throws -> String {
            let booking = try await client.call(
                BookingServiceMethods.bookAppointment,
                BookAppointmentRequest(doctorID: doctor.id, time: .startTime(starts[index])))
            return "\"booking_id\":\"\(booking.id)\""
        }

        var first = try await client.stream(BookingServiceMethods.watchBookings, WatchBookingsRequest())
            .makeAsyncIterator()
        let token = try #require(try await first.next()).resumeToken
        let watch = try Program(
            "clinic", ["booking", "watch", "--output", "json", "--from", token], environment: environment)
        let health = try Program("clinic", ["call", "Health/Watch"], environment: environment)
        try await health.line(with: #"{"status":"SERVING"}"#)
        let follower = try Program(
            "clinic", ["health", "--watch", "--output", "json"], environment: environment)
        try await follower.line(with: #"{"status":"SERVING"}"#)

        var expected = [try await book(0)]
        try await watch.line(with: expected[0])
        try await daemon.stop()
        #expect(try await health.end().status == 7)
        try await follower.line(with: #"{"status":"UNKNOWN"}"#)
        daemon = try await clinic.serve()
        expected.append(try await book(1))
        try await watch.line(with: expected[1])
        func followerSaw(_ times: Int) async throws {
            try await eventually("the follower is back (\(follower.output))") {
                follower.output.split(separator: "\n").count { $0 == #"{"status":"SERVING"}"# } == times
            }
        }
        try await followerSaw(2)
        try await daemon.stop(SIGKILL)
        daemon = try await clinic.serve()
        expected.append(try await book(2))
        try await watch.line(with: expected[2])

        // Not serving while it drained, which may be over before it is sent; unknown when it was gone.
        try await followerSaw(3)
        let followed = try await follower.stop(SIGINT)
        #expect(followed.status == 128 + SIGINT && followed.errors.isEmpty, "\(followed)")
        #expect(followed.outputLines.count { $0 == #"{"status":"UNKNOWN"}"# } == 2, "\(followed)")
        for (line, next) in zip(followed.outputLines, followed.outputLines.dropFirst()) {
            #expect(line != next)
        }

        let ending = try await watch.stop(SIGINT)
        #expect(ending.status == 128 + SIGINT)
        #expect(ending.errors.isEmpty)
        #expect(ending.outputLines.count == expected.count)
        for (line, booking) in zip(ending.outputLines, expected) { #expect(line.contains(booking)) }
        try await daemon.stop()
    }

    @Test(arguments: [["health", "--watch"], ["call", "Health/Watch"]])
    func `a watch ends when nobody reads it any more`(_ command: [String]) async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { _ in
            let watch = try Program("clinic", command + ["--address", "\(clinic.socket)"])
            try await eventually("the first line") { !watch.output.isEmpty }
            try await watch.hangUp()
            #expect(try await watch.end().status == 141)
        }
    }

    @Test func `a health watch is a line with the time for a person, and needs a server to begin with`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        let options = ["health", "clinic.v1.Nothing", "--watch", "--address", "\(clinic.socket)"]
        let absent = try await Program.run("clinic", options)
        #expect(absent.status == 7 && absent.output.isEmpty, "\(absent)")
        try await clinic.serving { _ in
            let watch = try Program("clinic", options)
            let line = try await watch.line(with: "Service unknown")
            #expect(
                line.wholeMatch(of: /20\d\d-\d\d-\d\d \d\d:\d\d  Service unknown/) != nil, "\(line)")
            #expect(try await watch.stop(SIGINT).status == 128 + SIGINT)
        }
    }
}
