// The command beside `serve` that makes administrators.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct AdministrationTests {
    @Test func `an administrator is made while the daemon runs and while it does not`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let before = try await clinic.createAdministrator(
            "Before@Example.org", ["--first-name", "Bea", "--last-name", "Fore"])
        #expect(before.output == "clinicd: before@example.org is an administrator (user 1)\n")
        #expect(before.status == 0 && before.errors.isEmpty)
        #expect(clinic.postmaster == nil)

        try await clinic.serving { _ in
            #expect(try await clinic.createAdministrator("during@example.org").status == 0)
            for name in ["before", "during"] {
                let login = try await clinic.logIn("\(name)@example.org")
                #expect(login.isAdmin && login.role == .admin)
            }
        }
    }

    @Test
    func `another currency than the stored one ends the start, and configure changes what may be changed`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--currency", "NZD"]) { _ in }
        try await clinic.serving { _ in }
        let ending = try await Program.run(
            "clinicd", ["serve"] + clinic.place + ["--listen", "\(clinic.socket)", "--currency", "JPY"],
            within: .seconds(30))
        #expect(ending.status == 1)
        #expect(ending.errors.contains("--currency is NZD in this clinic's database; leave the option out"))
        let change = try await Program.run(
            "clinicd", ["configure"] + clinic.place + ["--currency", "JPY", "--hold-minutes", "5"])
        #expect(change.status == 0 && change.output.contains("currency JPY"))
        #expect(change.output.contains("holds of 5 minutes"))
        try await clinic.serving(["--currency", "JPY", "--hold-minutes", "5"]) { _ in }
        let shown = try await Program.run("clinicd", ["configure"] + clinic.place)
        #expect(shown.output.split(separator: "\n").count == 1 && shown.output.contains("currency JPY"))
    }

    @Test func `the password is in no command line while it is worked on`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("migrate").status == 0)
        let secret = "canary-\(UInt64.random(in: .min ... .max))"
        let command = try Program(
            "clinicd",
            ["create-admin"] + clinic.place + ["--email", "ann@example.org", "--log-level", "trace"],
            input: secret + "\n")
        while !command.hasEnded { #expect(try processes(mentioning: secret).isEmpty) }
        let ending = try await command.end()
        #expect(ending.status == 0)
        #expect(!(ending.output + ending.errors).contains(secret))
    }

    @Test func `a patient becomes an administrator with the new password only`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { _ in
            let patient = try await clinic.signUp("ann@example.org")
            let ending = try await clinic.createAdministrator("ann@example.org", password: "another password")
            #expect(ending.output == "clinicd: ann@example.org is an administrator (user \(patient.id))\n")

            let refusal = try await status { _ = try await clinic.logIn("ann@example.org") }
            #expect(refusal?.code == .unauthenticated)
            #expect(try await clinic.logIn("ann@example.org", password: "another password").role == .admin)
        }
    }

    /// What is wrong with standard input, and what is said about it.
    static let badInputs = [
        ("", "give it as one line on standard input"), ("\n", "give it as one line on standard input"),
        ("short\n", "at least 8 characters"),
        (String(repeating: "x", count: 73), "at most 72 bytes"),
        (String(repeating: "x", count: 100_000), "is longer than 65536 bytes"),
    ]

    @Test(arguments: badInputs)
    func `a password that cannot be is refused in one line`(_ input: String, _ words: String) async throws {
        let url = try await TestCluster.makeDatabase()
        let ending = try await Program.run(
            "clinicd",
            ["create-admin", "--database", url, "--email", "ann@example.org", "--bcrypt-cost", "4"],
            input: input)
        expectComplaint(ending, words)
        #expect(!ending.errors.contains("short"))
    }

    @Test func `an address that is none is refused in one line`() async throws {
        let url = try await TestCluster.makeDatabase()
        let ending = try await Program.run(
            "clinicd", ["create-admin", "--database", url, "--email", "ann", "--bcrypt-cost", "4"],
            input: "correct horse\n")
        expectComplaint(ending, "email", "such as ann@example.org")
    }

    @Test func `a daemon that is just starting is waited for`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try clinic.start()
        try await eventually("the daemon's lock") {
            let holder = try? String(contentsOfFile: clinic.directory + "/postgresql.lock", encoding: .utf8)
            return holder == "\(daemon.identifier)\n"
        }
        #expect(try await clinic.createAdministrator("ann@example.org").status == 0)
        try await daemon.line(with: "listening on")
        #expect(try await clinic.logIn("ann@example.org").role == .admin)
        try await daemon.stop()
    }
}
