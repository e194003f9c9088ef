// Runs every operation once through its command against the daemon.

import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Operations {
        @Test func `a patient signs up, and staff can list the patient`() async throws {
            let server = try CommandLineClinic.shared
            let patient = try await server.signedUpPatient("Ada")
            let list = try await server.administrator.clinic("user", "list", "--email", patient.email)
            #expect(list.status == 0)
            #expect(list.output.hasPrefix("ID  NAME          E-MAIL"))
            #expect(list.output.contains("Ada Lovelace  \(patient.email)"))
            #expect(list.output.contains("Patient"))
        }

        @Test func `a department is created, changed, listed and deleted`() async throws {
            let administrator = try CommandLineClinic.shared.administrator
            let name = "Department \(UInt32.random(in: 0 ... .max))"
            let id = try await administrator.requireSuccess(
                "department", "create", "--name", name, "--opens", "08:00", "--closes", "17:00"
            ).id
            let changed = try await administrator.clinic("department", "update", id, "--closes", "20:30")
            #expect(changed.status == 0)
            #expect(changed.output.hasPrefix("Department  \(id)\nName        \(name)\nOpens       08:00\n"))
            #expect(changed.output.contains("\nCloses      20:30\n"))
            let list = try await administrator.clinic("department", "list", "--all")
            #expect(list.output.contains("\(id)  \(name)"))
            let deleted = try await administrator.clinic("department", "delete", id, "--yes")
            #expect(deleted.status == 0)
            #expect(deleted.output.isEmpty)
            #expect(deleted.errors == "department \(id) deleted\n")
            #expect(
                !(try await administrator.clinic("department", "list", "--all")).output.contains(name))
        }

        @Test func `a doctor is registered, changed, listed and deleted`() async throws {
            let server = try CommandLineClinic.shared
            let id = try await server.doctor()
            let changed = try await server.administrator.clinic(
                "doctor", "update", id, "--name", "Dr Ada Byron", "--fee", "50", "--gst-free",
                "--slot-minutes", "20", "--registration-expiry", "2998-12-31")
            #expect(changed.status == 0)
            for text in ["Dr Ada Byron", "50.00 AUD", "free", "20 min", "2998-12-31"] {
                #expect(changed.output.contains(text))
            }
            let list = try await server.anonymousUser().clinic(
                "doctor", "list", "--all", "--department", server.department)
            #expect(list.output.contains("\(id)  Dr Ada Byron"))
            let deleted = try await server.administrator.clinic("doctor", "delete", id, "--yes")
            #expect(deleted.status == 0)
            #expect(deleted.errors == "doctor \(id) deleted\n")
            #expect(
                !(try await server.anonymousUser().clinic("doctor", "list", "--all")).output.contains(
                    "Dr Ada Byron"))
        }

        @Test func `a visit is booked, paid, listed and cancelled, which refunds the payment`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let start = try BookingTime.local()
            let booked = try await patient.clinic("booking", "create", "--doctor", doctor, "--at", start)
            #expect(booked.status == 0)
            #expect(booked.errors.isEmpty)
            let shown = try BookingTime.shown()
            #expect(booked.output.hasPrefix("Booking  "))
            #expect(booked.output.contains(try Regex("\nStart +\(shown)\n")))
            let booking = try #require(
                booked.output.split(separator: "\n").first?.split(separator: " ").last.map(String.init))

            let paid = try await patient.clinic("booking", "pay", booking)
            #expect(paid.status == 0)
            for line in [
                "Fee             200.99 AUD", "GST             20.10 AUD", "Total           221.09 AUD",
            ] {
                #expect(paid.output.contains(line + "\n"))
            }
            let payments = try await patient.clinic("transaction", "list", "--booking", booking)
            #expect(payments.output.contains(/Paid +200\.99 +20\.10 +221\.09/))
            let mine = try await patient.clinic("booking", "mine", "--status", "confirmed")
            #expect(
                mine.output.contains(
                    "\(booking)  \(shown)  Confirmed  Dr Grace Hopper (\(doctor))"))
            #expect(mine.output.contains("Paid 221.09 AUD"))

            let cancelled = try await patient.clinic("booking", "cancel", booking)
            #expect(cancelled.status == 0)
            #expect(cancelled.output.contains(/\nStatus +Cancelled\n/))
            #expect(cancelled.output.contains("Refunded 221.09 AUD"))
        }

        @Test func `the public list shows doctors and times, and staff also see patients`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient("Marie"))
            _ = try await patient.requireSuccess(
                "booking", "create", "--doctor", doctor, "--at", BookingTime.instant())
            let window = try [
                "--from", BookingTime.instant(), "--before", BookingTime.instant(halfHour: 1), "--status",
                "booked",
            ]
            let list = try await server.anonymousUser().clinic(
                ["booking", "list", "--doctor", doctor] + window)
            #expect(list.status == 0)
            #expect(list.output.hasPrefix("ID  START             STATUS  DOCTOR"))
            #expect(list.output.contains("Dr Grace Hopper (\(doctor))"))
            #expect(!list.output.contains("Marie"))
            let staff = try await server.administrator.clinic(
                ["booking", "list", "--doctor", doctor] + window)
            #expect(staff.output.contains("Marie Lovelace"))
        }

        @Test func `staff book for a patient and advance the booking's status`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let users = try await server.administrator.requireSuccess(
                "user", "list", "--email", patient.email
            ).json()
            let user = try #require((users["users"] as? [[String: Any]])?.first?["id"] as? String)
            let booking = try await server.administrator.requireSuccess(
                "booking", "create", "--doctor", doctor, "--at", BookingTime.local(), "--user", user
            ).id
            let mine = try await patient.clinic("booking", "mine")
            #expect(mine.output.contains("\(booking)  "))
            let arrived = try await server.administrator.clinic("booking", "set-status", booking, "arrived")
            #expect(arrived.errors.contains("the appointment is on another day"))
            let cancelled = try await server.administrator.clinic(
                "booking", "set-status", booking, "cancelled")
            #expect(cancelled.output.contains(/\nStatus +Cancelled\n/))
        }

        @Test func `a deleted booking is cancelled and removed from the list`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            let time = try BookingTime.local()
            let booking = try await patient.requireSuccess(
                "booking", "create", "--doctor", doctor, "--at", time
            ).id
            let deleted = try await patient.clinic("booking", "delete", booking, "--yes")
            #expect(deleted.status == 0)
            #expect(deleted.output.isEmpty)
            #expect(deleted.errors == "booking \(booking) deleted\n")
            let mine = try await patient.clinic("booking", "mine")
            #expect(mine.output.isEmpty)
            #expect(mine.errors == "nothing found\n")
            // The slot is free again.
            #expect(
                try await patient.clinic("booking", "create", "--doctor", doctor, "--at", time).status == 0)
        }

        @Test func `the administrator refunds one payment and deletes another`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            var payments: [String] = []
            for halfHour in 0...1 {
                let booking = try await patient.requireSuccess(
                    "booking", "create", "--doctor", doctor, "--at", BookingTime.local(halfHour: halfHour)
                ).id
                payments.append(try await patient.requireSuccess("booking", "pay", booking).id)
            }
            let refunded = try await server.administrator.clinic("transaction", "refund", payments[0])
            #expect(refunded.status == 0)
            #expect(refunded.output.contains("\nRefunded        221.09 AUD\n"))
            #expect(refunded.output.contains("\nBooking status  Cancelled\n"))
            let deleted = try await server.administrator.clinic("transaction", "delete", payments[1], "--yes")
            #expect(deleted.status == 0)
            #expect(deleted.errors == "transaction \(payments[1]) deleted\n")
            let list = try await patient.clinic("transaction", "list")
            #expect(list.output.split(separator: "\n").count == 2)
            #expect(list.output.contains("Refunded"))
            // The booking of the deleted payment must be paid again.
            let mine = try await patient.clinic("booking", "mine", "--status", "booked")
            #expect(mine.output.split(separator: "\n").count == 2)
        }

        @Test func `the server reports its health`() async throws {
            let health = try await CommandLineClinic.shared.anonymousUser().clinic("health")
            #expect(health.status == 0)
            #expect(health.output == "Status  Serving\n")
        }
    }
}
