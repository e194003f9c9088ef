// Under which users things run: PostgreSQL never as root, the daemon as whoever starts it.

import ClinicMessages
import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct UserTests {
    @Test(.enabled(if: geteuid() == 0, "only root becomes another user"))
    func `root's PostgreSQL runs as an unprivileged user`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving { daemon in
            let postmaster = try #require(clinic.postmaster)
            #expect(try attributes(of: "/proc/\(postmaster)").owner == getpwnam("postgres")?.pointee.pw_uid)
            #expect(try attributes(of: "/proc/\(daemon.identifier)").owner == 0)
        }
    }

    @Test(.enabled(if: OrdinaryUser.isAvailable, "this needs root, and binaries that others may run"))
    func `an ordinary user runs a clinic, and root may help without taking it over`() async throws {
        let user = OrdinaryUser.nobody
        let home = try Installation.empty()
        chown(home.directory, user.identifier ?? 0, gid_t.max)
        // The directory that is taken when none is named.
        let clinic = Installation(directory: home.directory + "/clinic")
        let daemon = try Program(
            "clinicd", ["serve", "--listen", "\(clinic.socket)", "--bcrypt-cost", "4"],
            environment: ["XDG_DATA_HOME": home.directory], as: user)
        try await daemon.line(with: "listening on \(clinic.socket)")
        _ = try await clinic.signUp("ann@example.org")
        let postmaster = try #require(clinic.postmaster)
        for path in ["/proc/\(postmaster)", "/proc/\(daemon.identifier)", clinic.directory + "/postgresql"] {
            #expect(try attributes(of: path).owner == user.identifier)
        }

        #expect(try await clinic.createAdministrator("root1@example.org").status == 0)
        #expect(try await daemon.stop().status == 0)
        #expect(try await clinic.createAdministrator("root2@example.org").status == 0)
        for name in try clinic.contents() {
            #expect(try attributes(of: clinic.directory + "/" + name).owner == user.identifier, "\(name)")
        }

        try await clinic.serving(as: user) { _ in
            for name in ["root1", "root2"] {
                let login = try await clinic.logIn("\(name)@example.org")
                #expect(login.role == .admin)
            }
        }
    }

    @Test(.enabled(if: OrdinaryUser.isAvailable, "this needs root, and binaries that others may run"))
    func `an ordinary user cannot use root's data directory`() async throws {
        let clinic = try Installation.empty()
        expectComplaint(
            try await clinic.run("migrate", as: .nobody), clinic.directory, "Permission denied")
    }
}
