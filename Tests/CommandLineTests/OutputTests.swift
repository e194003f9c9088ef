// What goes to standard output and what beside it; JSON in both directions.

import ClinicMessages
import Foundation
import ProtobufC
import Testing

extension CommandLineTests {
    @Suite struct Output {
        @Test func `a page is data; the command for the next one is beside it and works`() async throws {
            let server = try ClinicServer.shared
            for _ in 1...3 { _ = try await server.doctor() }
            let stranger = server.stranger()
            let page = try await stranger.clinic("doctor", "list", "--page-size", "2")
            #expect(page.output.split(separator: "\n").count == 3)
            #expect(page.errors.hasPrefix("more: clinic doctor list --page-size 2 --page-token "))
            let next = try await stranger.shell(String(page.errors.dropFirst("more: ".count)))
            #expect(next.status == 0)
            #expect(next.output.hasPrefix("ID  NAME"))
            #expect(next.output != page.output)
        }

        @Test func `JSON has the names of the schema, and numbers of 64 bits as text`() async throws {
            let server = try ClinicServer.shared
            let doctor = try await server.doctor()
            let list = try await server.stranger().done("doctor", "list", "--all")
            let doctors = try #require(try list.json()["doctors"] as? [[String: Any]])
            let found = try #require(doctors.first { $0["id"] as? String == doctor })
            #expect(found["full_name"] as? String == "Dr Grace Hopper")
            #expect(found["registration_expiry"] as? String == "2999-12-31")
            #expect((found["consultation_fee"] as? [String: String])?["minor_units"] == "20099")
            #expect((found["department"] as? [String: String])?["department_name"] == "Always Open")
            // Another program's parser takes it too.
            let python = try await server.stranger().shell(
                "clinic doctor list --all --output json | python3 -m json.tool >/dev/null")
            #expect(python.status == 0)
        }

        @Test func `the form of the output can come from the environment`() async throws {
            let server = try ClinicServer.shared
            let outcome = try await server.stranger().clinic(
                "department", "list", environment: ["CLINIC_OUTPUT": "json"])
            #expect(try outcome.json()["departments"] != nil)
            let wrong = try await server.stranger().clinic(
                "department", "list", environment: ["CLINIC_OUTPUT": "yaml"])
            #expect(wrong.status == 2)
            #expect(wrong.errors.contains("CLINIC_OUTPUT=yaml is not allowed"))
        }

        @Test func `with JSON a failure is a line of JSON besides`() async throws {
            let patient = try await ClinicServer.shared.patient()
            let outcome = try await patient.clinic("booking", "pay", "999999999", "--output", "json")
            #expect(outcome.status == 5)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("clinic: there is no such booking"))
            let failure = try Outcome.object(outcome.lastError)
            #expect(failure["code"] as? String == "NOT_FOUND")
            #expect(failure["reason"] as? String == "BOOKING_NOT_FOUND")
        }

        @Test func `wrong fields are named below the line`() async throws {
            let outcome = try await ClinicServer.shared.stranger().clinic(
                "user", "create", "--first-name", "", "--last-name", "", "--email", "nowhere",
                "--password-stdin", input: "short\n")
            #expect(outcome.status == 3)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.first == "clinic: first_name: is required [INVALID_FIELD]")
            #expect(lines.dropFirst().first == "  last_name: is required")
            #expect(lines.dropFirst(2).first?.hasPrefix("  email: ") == true)
            let password = try await ClinicServer.shared.stranger().clinic(
                "user", "create", "--first-name", "A", "--last-name", "B", "--email", "a@example.org",
                "--password-stdin", input: "short\n")
            #expect(password.status == 3)
            #expect(password.errors.contains("8 characters"))
            #expect(!password.errors.contains("short"))
        }

        @Test func `a key of one's own makes a change once`() async throws {
            let server = try ClinicServer.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let command = try [
                "booking", "create", "--doctor", doctor, "--at", Visit.clock(), "--idempotency-key", "visit",
            ]
            let first = try await patient.clinic(command)
            let again = try await patient.clinic(command)
            #expect(first.status == 0)
            #expect(again.output == first.output)
        }
    }

    @Suite struct Calls {
        @Test func `all methods of the schema are listed`() async throws {
            let outcome = try await ClinicServer.shared.stranger().clinic("call")
            let known = ClinicMessages.allServices.flatMap { service in
                service.methods.map { "\(service.name)/\($0.name)" }
            }
            let listed = Set(outcome.output.split(separator: "\n").map(String.init))
            #expect(listed == Set(known + ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"]))
        }

        @Test func `a visit is booked, paid and cancelled in JSON`() async throws {
            let server = try ClinicServer.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let start = try Visit.instant()
            let booked = try await patient.clinic(
                "call", "clinic.v1.BookingService/BookAppointment", "-d",
                #"{"doctor_id": \#(doctor), "start_time": "\#(start)"}"#)
            #expect(booked.status == 0)
            let booking = try booked.json()
            #expect(booking["status"] as? String == "BOOKING_STATUS_BOOKED")
            #expect(booking["start_time"] as? String == start)
            #expect(booking["booking_date_time"] as? String == (try Visit.clock()))

            // From standard input, and from a file.
            let paid = try await patient.clinic(
                "call", "PaymentService/PayBooking", "-d", "-", input: #"{"booking_id": "\#(try booked.id)"}"#
            )
            #expect(try paid.json()["status"] as? String == "TRANSACTION_STATUS_PAID")
            let file = "\(server.directory)/\(UUID().uuidString).json"
            try #"{"booking_id": \#(booked.id), "status": "BOOKING_STATUS_CANCELLED"}"#
                .write(toFile: file, atomically: true, encoding: .utf8)
            let cancelled = try await patient.clinic(
                "call", "BookingService/UpdateBookingStatus", "-d", "@" + file)
            #expect(try cancelled.json()["status"] as? String == "BOOKING_STATUS_CANCELLED")
        }

        @Test func `a refusal is the same as that of the command`() async throws {
            let patient = try await ClinicServer.shared.patient()
            let outcome = try await patient.clinic(
                "call", "BookingService/DeleteBooking", "-d", #"{"booking_id": 999999999}"#, "--output",
                "json")
            #expect(outcome.status == 5)
            #expect(outcome.output.isEmpty)
            #expect(try Outcome.object(outcome.lastError)["code"] as? String == "NOT_FOUND")
        }

        @Test(arguments: [
            ("{", "JSON"), (#"{"page_siz": 1}"#, "page_siz"), (#"{"page_size": "many"}"#, "page_size"),
            ("@/nonexistent", "/nonexistent"),
        ])
        func `a request that is none is wrong usage`(json: String, named: String) async throws {
            let outcome = try await ClinicServer.shared.stranger().clinic(
                "call", "DoctorService/ListDoctors", "-d", json)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains(named))
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }
    }
}
