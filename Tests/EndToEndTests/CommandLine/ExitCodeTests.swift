// Every exit code, caused by a real failure, and the line printed with it.

import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite struct ExitCodes {
        @Test(arguments: [
            ["booking", "create", "--doctor", "3"], ["booking", "pay", "seven"], ["bookings"],
            ["department", "update", "1"],
            ["booking", "create", "--doctor", "3", "--at", "31/02/2027 10:00:00"],
            ["--address", "here", "health"], ["--timeout", "0", "health"],
            ["booking", "list", "--status", "lost"], ["call", "NoService/Method"],
        ])
        func `2: wrong usage`(arguments: [String]) async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic(arguments)
            #expect(outcome.status == 2)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("clinic: "))
            // At most the error, the meaning of the option, and where to find help.
            #expect(outcome.errors.split(separator: "\n").count <= 3)
        }

        @Test func `2: an unknown command; the known ones are listed`() async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic("booking", "make")
            #expect(outcome.status == 2)
            #expect(
                outcome.errors == """
                    clinic: unknown command 'clinic booking make'; the commands are create, hold, confirm, show, \
                    list, mine, today, watch, reschedule, cancel, set-status, delete, pay

                    """)
        }

        @Test func `3: invalid values`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, patient) = try await (server.doctor(), server.patient())
            for (time, reason) in [
                ("24/11/2020 10:00:00", "OUT_OF_WINDOW"),
                (try BookingTime.instant(daysAhead: 33), "OUT_OF_WINDOW"),
                (try BookingTime.local().replacing(":00:00", with: ":07:00"), "OFF_GRID"),
            ] {
                let outcome = try await patient.clinic("booking", "create", "--doctor", doctor, "--at", time)
                #expect(outcome.status == 3)
                #expect(outcome.lastError.hasSuffix("[\(reason)]"))
            }
        }

        @Test func `4: not signed in, not allowed, wrong password`() async throws {
            let server = try CommandLineClinic.shared
            let anonymous = try await server.anonymousUser().clinic("booking", "mine")
            #expect(anonymous.status == 4)
            #expect(
                anonymous.errors
                    == "clinic: you are not signed in; run `clinic login` first [NOT_SIGNED_IN]\n")
            let patient = try await server.patient()
            let forbidden = try await patient.clinic("department", "delete", server.department, "--yes")
            #expect(forbidden.status == 4)
            #expect(forbidden.errors.contains("administrators only [ROLE_REQUIRED]"))
            let wrong = try await patient.clinic(
                "login", "--email", patient.email, "--password-stdin", input: "not the password\n")
            #expect(wrong.status == 4)
            #expect(wrong.errors.contains("[WRONG_CREDENTIALS]"))
        }

        @Test func `5: not found, another patient's booking too`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, owner, other) = try await (server.doctor(), server.patient(), server.patient())
            let booking = try await owner.requireSuccess(
                "booking", "create", "--doctor", doctor, "--at", BookingTime.local()
            )
            .id
            for id in [booking, "999999999"] {
                let outcome = try await other.clinic("booking", "pay", id)
                #expect(outcome.status == 5)
                #expect(outcome.errors == "clinic: there is no such booking [BOOKING_NOT_FOUND]\n")
            }
        }

        @Test func `6: slot taken, impossible in this state, changed concurrently`() async throws {
            let server = try CommandLineClinic.shared
            let (doctor, owner, other) = try await (
                server.doctor(), server.patient("Marie"), server.patient()
            )
            let time = try BookingTime.local()
            let booking = try await owner.requireSuccess(
                "booking", "create", "--doctor", doctor, "--at", time
            ).id
            let taken = try await other.clinic("booking", "create", "--doctor", doctor, "--at", time)
            #expect(taken.status == 6)
            #expect(taken.lastError.hasSuffix("[SLOT_TAKEN]"))
            #expect(!taken.errors.contains("Marie"))
            let before = try await owner.requireSuccess("booking", "show", booking, "--output", "json").json()
            let etag = try #require(before["etag"] as? String)
            _ = try await owner.requireSuccess("booking", "pay", booking)
            let twice = try await owner.clinic("booking", "pay", booking)
            #expect(twice.status == 6)
            #expect(twice.lastError.hasSuffix("[ALREADY_PAID]"))
            let stale = try await owner.clinic("booking", "cancel", booking, "--etag", etag)
            #expect(stale.status == 6)
            #expect(stale.lastError.hasSuffix("[STALE_ETAG]"))
        }

        @Test(arguments: [
            ("unix:/nonexistent/clinic.sock", "there is no such socket"),
            ("tcp:127.0.0.1:1", "nothing listens there"),
        ])
        func `7: no server at the address`(address: String, reason: String) async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().clinic(
                "--address", address, "--timeout", "300ms", "health")
            #expect(outcome.status == 7)
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("clinic: cannot connect to \(address): \(reason)"))
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }

        @Test func `7: a server that does not respond in time`() async throws {
            let server = try CommandLineClinic.shared
            let path = "\(server.directory)/silent.sock"
            let listener = try silentListener(at: path)
            defer { close(listener) }
            let outcome = try await server.anonymousUser().clinic(
                "--address", "unix:\(path)", "--timeout", "200ms", "department", "list")
            #expect(outcome.status == 7)
            #expect(outcome.lastError.hasSuffix("[DEADLINE_EXCEEDED]"))
        }

        @Test func `7: too many wrong passwords; the time to wait is shown`() async throws {
            let patient = try await CommandLineClinic.shared.signedUpPatient()
            let login = ["login", "--email", patient.email, "--password-stdin"]
            // The times to wait soon get longer than a command may take to start.
            var outcome = try await patient.clinic(login, input: "wrong password\n")
            var failures = 0
            while outcome.status == 4, failures < 12 {
                failures += 1
                outcome = try await patient.clinic(login, input: "wrong password\n")
            }
            #expect(failures >= 3)
            #expect(outcome.status == 7)
            #expect(outcome.lastError.contains("; wait "))
        }

        @Test func `1: output that cannot be written`() async throws {
            let outcome = try await CommandLineClinic.shared.anonymousUser().shell(
                "clinic department list >/dev/full")
            #expect(outcome.status == 1)
            #expect(outcome.errors == "clinic: cannot write the output: No space left on device\n")
        }

        /// A socket that accepts connections through its backlog and never responds.
        private func silentListener(at path: String) throws -> CInt {
            let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let isListening =
                withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                    }
                } && listen(listener, 8) == 0
            guard isListening else {
                throw Program.Missing(description: "cannot listen: \(String(cString: strerror(errno)))")
            }
            return listener
        }
    }
}
