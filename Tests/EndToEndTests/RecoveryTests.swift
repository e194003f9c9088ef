// What happens when a process is killed: nothing that was acknowledged is lost, and nobody has to clean up.

import ClinicMessages
import Foundation
import RPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct RecoveryTests {
    @Test func `a killed daemon is started again at once`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try await clinic.serve()
        for number in 0..<10 { _ = try await clinic.signUp("ann\(number)@example.org") }
        try await daemon.stop(SIGKILL)

        // The socket's file is still there, and its PostgreSQL may still be, too.
        #expect(try clinic.contents().contains("clinic.sock"))
        try await clinic.serving { _ in
            for number in 0..<10 { _ = try await clinic.logIn("ann\(number)@example.org") }
        }
    }

    @Test func `a PostgreSQL that died with its daemon leaves a lock that is not believed`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try await clinic.serve()
        let postmaster = try #require(clinic.postmaster)
        _ = try await clinic.signUp("ann@example.org")
        kill(postmaster, SIGKILL)
        try await daemon.stop(SIGKILL)
        try await eventually("PostgreSQL's end") { !isRunning(postmaster) }
        #expect(clinic.postmaster == postmaster)

        try await clinic.serving { _ in
            _ = try await clinic.logIn("ann@example.org")
        }
    }

    @Test func `a killed PostgreSQL comes back by itself and callers hear so meanwhile`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving { daemon in
            _ = try await clinic.signUp("ann@example.org")
            let postmaster = try #require(clinic.postmaster)
            let data = clinic.directory + "/postgresql/data"

            // Without its files it cannot start again until it has them back.
            try FileManager.default.moveItem(atPath: data, toPath: data + ".away")
            kill(postmaster, SIGKILL)
            try await daemon.line(with: "PostgreSQL", on: .errors)
            let start = ContinuousClock.now
            let refusal = try await status { _ = try await clinic.logIn("ann@example.org") }
            #expect(refusal?.code == .unavailable)
            #expect(ContinuousClock.now - start < .seconds(10))
            // From then on at once, which takes more than one look where the machine is busy.
            try await eventually("a refusal at once") {
                let again = ContinuousClock.now
                let refusal = try await status { _ = try await clinic.logIn("ann@example.org") }
                #expect(refusal?.code == .unavailable)
                return ContinuousClock.now - again < .seconds(0.5)
            }

            try FileManager.default.moveItem(atPath: data + ".away", toPath: data)
            try await eventually("PostgreSQL") {
                try await status {
                    _ = try await clinic.logIn("ann@example.org")
                    _ = try await clinic.signUp("ben@example.org")
                } == nil
            }
            #expect(clinic.postmaster != postmaster)
        }
    }

    @Test func `a killed command leaves no PostgreSQL behind`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let seeding = try Program(
            "clinicd", ["seed-demo", "--data-dir", clinic.directory, "--bcrypt-cost", "12"])
        try await eventually("PostgreSQL") { clinic.postmaster != nil }
        #expect(try await seeding.stop().status == 128 + SIGTERM)
        try await eventually("PostgreSQL's end") { try processes(mentioning: clinic.directory).isEmpty }
        #expect(try await clinic.run("migrate").status == 0)
    }
}
