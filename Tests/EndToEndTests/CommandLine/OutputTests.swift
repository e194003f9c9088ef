// The contents of standard output and standard error; JSON input and output.

import ClinicMessages
import Foundation
import ProtobufC
import Testing

extension CommandLineTests {
    @Suite struct Output {
        @Test func `the command for the next page is printed on standard error and works`() async throws {
            let server = try CommandLineClinic.shared
            for _ in 1...3 { _ = try await server.doctor() }
            let anonymousUser = server.anonymousUser()
            let page = try await anonymousUser.clinic("doctor", "list", "--page-size", "2")
            #expect(page.output.split(separator: "\n").count == 3)
            #expect(page.errors.hasPrefix("more: clinic doctor list --page-size 2 --page-token "))
            let next = try await anonymousUser.shell(String(page.errors.dropFirst("more: ".count)))
            #expect(next.status == 0)
            #expect(next.output.hasPrefix("ID  NAME"))
            #expect(next.output != page.output)
        }

        @Test func `JSON output has the schema's field names and 64-bit numbers as strings`() async throws {
            let server = try CommandLineClinic.shared
            let doctor = try await server.doctor()
            let list = try await server.anonymousUser().requireSuccess("doctor", "list", "--all")
            let doctors = try #require(try list.json()["doctors"] as? [[String: Any]])
            let found = try #require(doctors.first { $0["id"] as? String == doctor })
            #expect(found["full_name"] as? String == "Dr Grace Hopper")
            #expect(found["registration_expiry"] as? String == "2999-12-31")
            #expect((found["consultation_fee"] as? [String: String])?["minor_units"] == "20099")
            #expect((found["department"] as? [String: String])?["department_name"] == "Always Open")
            // Another JSON parser accepts it too.
            let python = try await server.anonymousUser().shell(
                "clinic doctor list --all --output json | python3 -m json.tool >/dev/null")
            #expect(python.status == 0)
        }

        @Test func `the output format can be set in the environment`() async throws {
            let server = try CommandLineClinic.shared
            let outcome = try await server.anonymousUser().clinic(
                "department", "list", environment: ["CLINIC_OUTPUT": "json"])
            #expect(try outcome.json()["departments"] != nil)
            let wrong = try await server.anonymousUser().clinic(
                "department", "list", environment: ["CLINIC_OUTPUT": "yaml"])
            #expect(wrong.status == 2)
            #expect(wrong.errors.contains("CLINIC_OUTPUT=yaml is not allowed"))
        }

        @Test func `with JSON output a failure is also printed as JSON`() async throws {
            let patient = try await CommandLineClinic.shared.patient()
            let outcome = try await patient.clinic("booking", "pay", "999999999", "--output", "json")
            #expect(outcome.status == 5)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("clinic: there is no such booking"))
            let failure = try jsonObject(outcome.lastError)
            #expect(failure["code"] as? String == "NOT_FOUND")
            #expect(failure["reason"] as? String == "BOOKING_NOT_FOUND")
        }

        @Test func `invalid fields are listed below the message`() async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic(
                "user", "create", "--first-name", "", "--last-name", "", "--email", "nowhere",
                "--password-stdin", input: "short\n")
            #expect(outcome.status == 3)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.first == "clinic: --first-name: is required [INVALID_FIELD]")
            #expect(lines.dropFirst().first == "  --last-name: is required")
            #expect(lines.dropFirst(2).first?.hasPrefix("  --email: ") == true)
            let password = try await CommandLineClinic.shared.anonymousUser().clinic(
                "user", "create", "--first-name", "A", "--last-name", "B", "--email", "a@example.org",
                "--password-stdin", input: "short\n")
            #expect(password.status == 3)
            #expect(password.errors.contains("8 characters"))
            #expect(!password.errors.contains("short"))
        }

        @Test func `a user's idempotency key makes a change only once`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let command = try [
                "booking", "create", "--doctor", doctor, "--at", BookingTime.local(), "--idempotency-key",
                "visit",
            ]
            let first = try await patient.clinic(command)
            let again = try await patient.clinic(command)
            #expect(first.status == 0)
            #expect(again.output == first.output)
        }
    }

    @Suite struct Calls {
        @Test func `all methods of the schema are listed`() async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic("call")
            let known = ClinicMessages.allServices.flatMap { service in
                service.methods.map { "\(service.name)/\($0.name)" }
            }
            let listed = Set(outcome.output.split(separator: "\n").map(String.init))
            #expect(listed == Set(known + ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"]))
        }

        @Test func `a visit is booked, paid and cancelled in JSON`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let start = try BookingTime.instant()
            let booked = try await patient.clinic(
                "call", "clinic.v1.BookingService/BookAppointment", "-d",
                #"{"doctor_id": \#(doctor), "start_time": "\#(start)"}"#)
            #expect(booked.status == 0)
            let booking = try booked.json()
            #expect(booking["status"] as? String == "BOOKING_STATUS_BOOKED")
            #expect(booking["start_time"] as? String == start)
            #expect(booking["booking_date_time"] as? String == (try BookingTime.local()))

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

        @Test func `a failed call reports the same error as the command`() async throws {
            let patient = try await CommandLineClinic.shared.patient()
            let outcome = try await patient.clinic(
                "call", "BookingService/DeleteBooking", "-d", #"{"booking_id": 999999999}"#, "--output",
                "json")
            #expect(outcome.status == 5)
            #expect(outcome.output.isEmpty)
            #expect(try jsonObject(outcome.lastError)["code"] as? String == "NOT_FOUND")
        }

        @Test(arguments: [
            ("{", "JSON"), (#"{"page_siz": 1}"#, "page_siz"), (#"{"page_size": "many"}"#, "page_size"),
            ("@/nonexistent", "/nonexistent"),
        ])
        func `a malformed request is wrong usage`(json: String, named: String) async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic(
                "call", "DoctorService/ListDoctors", "-d", json)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains(named))
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }
    }
}
