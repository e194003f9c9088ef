// `clinic audit check` as an administrator's script runs it: by its exit code, on data that hold together and do not.

import Foundation
import PostgreSQL
import TestCluster
import Testing

@Suite(.seated)
struct AuditCheckTests {
    @Test func `the exit code says whether the data hold together, to administrators`() async throws {
        let clinic = try await Installation.withDatabase()
        let url = try #require(clinic.database)
        #expect(try await clinic.run("seed-demo", ["--weeks", "1"]).status == 0)
        #expect(try await clinic.createAdministrator("admin@example.org").status == 0)
        try await clinic.serving { _ in
            _ = try await clinic.signUp("pat@example.org")
            let administrator = try await signedIn(to: clinic, "admin@example.org")
            let patient = try await signedIn(to: clinic, "pat@example.org")
            let command = ["audit", "check"]
            let rule = "every payment is for its booking's price and patient"

            let sound = try await Program.run("clinic", command, environment: administrator)
            #expect(sound.status == 0 && sound.errors.isEmpty, "\(sound)")
            #expect(sound.output.contains(rule), "\(sound)")
            let refused = try await Program.run("clinic", command, environment: patient)
            #expect(refused.status == 4 && refused.output.isEmpty, "\(refused)")
            #expect(refused.errors.contains("[ROLE_REQUIRED]"), "\(refused)")
            let stranger = ["CLINIC_ADDRESS": "\(clinic.socket)"]
            let nobody = try await Program.run("clinic", command, environment: stranger)
            #expect(nobody.status == 4 && nobody.errors.contains("[NOT_SIGNED_IN]"), "\(nobody)")

            let payment = try await AdminConnection.withConnection(url: url) { connection in
                var row = try #require(
                    try connection.query(
                        """
                        update clinic.booking set fee = fee + 1 where id = (
                            select booking_id from clinic.transaction where status = 'PAID' order by id limit 1)
                        returning (select id from clinic.transaction
                            where booking_id = booking.id and status = 'PAID')
                        """
                    ).first)
                return try row.int64()
            }
            let broken = try await Program.run("clinic", command, environment: administrator)
            #expect(broken.status == 1, "\(broken)")
            let line = broken.outputLines.first { $0.contains(rule) }
            #expect(line?.hasSuffix("1  transaction \(payment)") == true, "\(broken)")
            #expect(broken.errors == "clinic: 1 of 14 checks found violations\n")
        }
    }

    /// The environment of somebody who has signed in.
    private func signedIn(to clinic: Installation, _ email: String) async throws -> [String: String] {
        let home = try Installation.empty().directory
        let environment = ["CLINIC_ADDRESS": "\(clinic.socket)", "HOME": home]
        let login = try await Program.run(
            "clinic", ["login", "--email", email, "--password-stdin"], environment: environment,
            input: Installation.password + "\n")
        #expect(login.status == 0, "\(login)")
        return environment
    }
}
