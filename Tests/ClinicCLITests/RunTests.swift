// Runs whole commands against a server in this process.

import ClinicMessages
import Foundation
import ProtobufC
import RPC
import RPCMessages
import Testing

@testable import clinic

@Suite struct RunTests {
    private let line: TestCommandLine

    init() throws {
        line = try TestCommandLine()
    }

    @Test func `a list goes to standard output, the command for its next page to standard error`()
        async throws
    {
        try await line.serving { methods in
            methods.on(UserServiceMethods.listUsers) { request in
                let page = Int64(request.pageToken) ?? 1
                return ListUsersResponse(
                    users: [User(id: page, firstName: "Ada", role: .staff)],
                    nextPageToken: page < 3 ? "\(page + 1)" : "")
            }
        } during: {
            let first = await line.run("user", "list", "--page-size", "1")
            #expect(first.status == .success)
            #expect(first.output == "ID  NAME  ROLE\n 1  Ada   Staff\n")
            #expect(first.errors == "more: clinic user list --page-size 1 --page-token 2\n")
            let last = await line.run("user", "list", "--page-token", "3")
            #expect(last.errors.isEmpty)
            let all = await line.run("user", "list", "--all")
            #expect(all.output == "ID  NAME  ROLE\n 1  Ada   Staff\n 2  Ada   Staff\n 3  Ada   Staff\n")
            #expect(all.errors.isEmpty)
        }
    }

    @Test func `JSON output is the response with the schema's field names`() async throws {
        try await line.serving { methods in
            methods.on(DepartmentServiceMethods.listDepartments) { _ in
                ListDepartmentsResponse(
                    departments: [Department(id: 1, departmentName: "Eyes")], nextPageToken: "next")
            }
        } during: {
            let outcome = await line.run("department", "list", environment: ["CLINIC_OUTPUT": "json"])
            #expect(outcome.errors.isEmpty)
            let bytes = try ListDepartmentsResponse.descriptor.bytes(json: outcome.output)
            let response = try ListDepartmentsResponse(decoding: bytes)
            #expect(response.departments.map(\.departmentName) == ["Eyes"])
            #expect(response.nextPageToken == "next")
            #expect(outcome.output.contains("\"department_name\": \"Eyes\""))
        }
    }

    @Test func `a deletion is confirmed on standard error`() async throws {
        try await line.serving { methods in
            methods.on(DoctorServiceMethods.deleteDoctor) { request in
                request.force
                    ? DeleteDoctorResponse(
                        cancelledBookings: 27,
                        refundedAmount: Money(minorUnits: 249_750, currencyCode: "AUD"))
                    : DeleteDoctorResponse()
            }
        } during: {
            let outcome = await line.run("doctor", "delete", "3", "--yes")
            #expect(outcome.status == .success)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors == "doctor 3 deleted\n")
            let json = await line.run("doctor", "delete", "3", "--yes", "--output", "json")
            #expect(json.output.contains("\"cancelled_bookings\": \"0\""))
            let forced = await line.run("doctor", "delete", "3", "--force", "--yes")
            #expect(forced.errors == "doctor 3 deleted; 27 bookings cancelled and 2497.50 AUD refunded\n")
            // On a terminal the plan is told first, and only a yes goes on.
            let plan = """
                This will delete doctor 3, cancel 27 bookings and refund 2497.50 AUD.
                Go on? [y/N] 
                """
            let refused = await line.run(
                ["doctor", "delete", "3", "--force"], typing: [""], isTerminal: true)
            #expect(refused.status == .usage && refused.errors == plan + "clinic: nothing was done\n")
            let confirmed = await line.run(
                ["doctor", "delete", "3", "--force"], typing: ["y"], isTerminal: true)
            #expect(confirmed.status == .success)
            #expect(confirmed.errors == plan + forced.errors)
            // A script that has not said yes does nothing.
            let script = await line.run("doctor", "delete", "3", "--force")
            #expect(script.status == .usage && script.errors.contains("--yes"))
        }
    }

    @Test func `a failed call prints one line with its reason and exits with its status`() async throws {
        try await line.serving { methods in
            methods.on(BookingServiceMethods.bookAppointment) { _ in
                throw Status(
                    .alreadyExists, "the slot is taken; choose another", reason: "SLOT_TAKEN",
                    domain: "clinic.v1")
            }
        } during: {
            let outcome = await line.run("booking", "create", "--doctor", "3", "--at", "24/11/2026 10:00:00")
            #expect(outcome.status == .conflict)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors == "clinic: the slot is taken; choose another [SLOT_TAKEN]\n")
        }
    }

    @Test func `the user's idempotency key is sent with the call`() async throws {
        try await line.serving { methods in
            methods.on(PaymentServiceMethods.payBooking) { _ in Transaction(id: 9) }
        } during: {
            _ = await line.run("booking", "pay", "7", "--idempotency-key", "mine")
            _ = await line.run("call", "PaymentService/PayBooking", "--idempotency-key", "mine too")
            #expect(line.arrivals.map { $0.metadata["idempotency-key"] } == [["mine"], ["mine too"]])
        }
    }

    @Test func `a server that is not serving causes exit status 7`() async throws {
        try await line.serving { methods in
            methods.on(HealthMethods.check) { request in
                HealthCheckResponse(status: request.service.isEmpty ? .serving : .notServing)
            }
        } during: {
            let healthy = await line.run("health")
            #expect(healthy.status == .success && healthy.output == "Status  Serving\n")
            let unhealthy = await line.run("health", "clinic.v1.BookingService")
            #expect(unhealthy.status == .unavailable && unhealthy.output == "Status  Not serving\n")
        }
    }

    @Test func `a missing server causes exit status 7`() async throws {
        let outcome = await line.run("health", "--timeout", "50ms")
        #expect(outcome.status == .unavailable)
        #expect(outcome.errors.contains("is the server running"))
    }

    @Test func `any method can be called with JSON`() async throws {
        try await line.serving { methods in
            methods.on(BookingServiceMethods.bookAppointment) { request in
                guard case .startTime(let start) = request.time else { return Booking() }
                return Booking(id: request.doctorID, startTime: start, status: .booked)
            }
        } during: {
            let json = "{\"doctor_id\": \"3\", \"startTime\": \"2026-11-24T10:00:00+11:00\"}"
            let path = line.directory + "/request.json"
            // With the byte order mark that some editors put first.
            try Data(("\u{feff}" + json).utf8).write(to: URL(fileURLWithPath: path))
            for (name, data) in [
                ("BookingService", json), ("clinic.v1.BookingService", json), ("BookingService", "@" + path),
            ] {
                let outcome = await line.run("call", name + "/BookAppointment", "-d", data)
                #expect(outcome.status == .success)
                #expect(outcome.output.contains("\"start_time\": \"2026-11-23T23:00:00Z\""))
                #expect(outcome.output.contains("\"status\": \"BOOKING_STATUS_BOOKED\""))
            }
        }
    }

    @Test func `call without a method lists all of them`() async {
        let outcome = await line.run("call")
        let methods = (ClinicMessages.allServices + RPCMessages.allServices).flatMap(\.methods)
        #expect(outcome.output.split(separator: "\n").count == methods.count)
        #expect(outcome.output.contains("grpc.health.v1.Health/Check\n"))
    }

    @Test func `call prints each response of a stream on a line`() async throws {
        try await line.serving { methods in
            methods.on(HealthMethods.watch) { _ in
                [HealthCheckResponse(status: .serving), HealthCheckResponse(status: .notServing)]
            }
        } during: {
            let outcome = await line.run("call", "Health/Watch")
            #expect(outcome.status == .success)
            #expect(outcome.output == "{\"status\":\"SERVING\"}\n{\"status\":\"NOT_SERVING\"}\n")
        }
    }

    @Test func `a watch prints each change on a line, and where to resume when it fails`() async throws {
        try await line.serving { methods in
            methods.on(BookingServiceMethods.watchBookings) { request in
                guard request.resumeToken.isEmpty else { throw Status(.internal, "lost") }
                let event = BookingEvent(
                    eventTime: ProtobufTimestamp(seconds: 1_795_474_800), type: .statusChanged, bookingID: 7,
                    booking: Booking(
                        id: 7, startTime: ProtobufTimestamp(seconds: 1_795_474_800), status: .cancelled,
                        doctor: DoctorSummary(id: 3, fullName: "Dr Who")))
                return [
                    WatchBookingsResponse(resumeToken: "a"),
                    WatchBookingsResponse(event: event, resumeToken: "b"),
                ]
            }
        } during: {
            let outcome = await line.run("booking", "watch")
            #expect(
                outcome.output
                    == "2026-11-24 10:00  Status changed  booking 7  2026-11-24 10:00  Cancelled  Dr Who (3)\n"
            )
            #expect(outcome.errors == "resume with --from b\nclinic: lost [INTERNAL]\n")
            #expect(outcome.status == .failure)
        }
    }

    @Test func `a new password is asked for twice and never shown`() async throws {
        try await line.serving { methods in
            methods.on(UserServiceMethods.createUser) { request in User(id: 2, firstName: request.password) }
        } during: {
            let arguments = ["user", "create", "--first-name", "A", "--last-name", "B", "--email", "a@b"]
            let same = await line.run(
                arguments, typing: ["correct horse", "correct horse"], isTerminal: true)
            #expect(same.status == .success)
            #expect(same.errors == "Password: Repeat the password: ")
            #expect(same.output.contains("correct horse"))
            let different = await line.run(arguments, typing: ["correct horse", "battery"], isTerminal: true)
            #expect(different.status == .usage)
            #expect(!different.errors.contains("horse") && !different.errors.contains("battery"))
            #expect(line.arrivals.count == 1)
        }
    }

    @Test func `the e-mail is asked for at a terminal`() async throws {
        try await line.serving { methods in
            methods.on(UserServiceMethods.login) { request in LoginResponse(email: request.email, token: "t")
            }
        } during: {
            let outcome = await line.run(
                ["login"], typing: ["ada@example.com", "correct horse"], isTerminal: true)
            #expect(outcome.status == .success)
            #expect(outcome.errors == "E-mail: Password: ")
            #expect(outcome.output.hasPrefix("E-mail  ada@example.com\n"))
        }
    }
}
