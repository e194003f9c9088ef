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

    @Test func `the socket's file has the mode and the group that are asked for`() async throws {
        let clinic = try await Installation.withDatabase()
        let group = getgid()
        for (options, mode) in [
            ([], 0o660), (["--allow-uid", "\(geteuid())"], 0o666),
            (["--socket-mode", "0600", "--socket-group", "\(group)"], 0o600),
            (["--allow-uid", "\(geteuid())", "--socket-mode", "660"], 0o660),
        ] {
            try await clinic.serving(options) { _ in
                let path = clinic.directory + "/clinic.sock"
                #expect(try attributes(of: path).mode == mode, "\(options)")
                let found = try FileManager.default.attributesOfItem(atPath: path)[.groupOwnerAccountID]
                #expect(found as? UInt32 == group || (found as? NSNumber)?.uint32Value == group)
            }
        }
        for (options, words) in [
            (["--socket-mode", "999"], "octal"), (["--socket-mode", "0060"], "6 for the owner"),
            (["--socket-group", "no-such-group"], "there is no group"),
        ] {
            let ending = try await Program.run("clinicd", ["serve"] + clinic.place + options)
            #expect(ending.status == 2)
            #expect(ending.errors.contains(words), "\(ending.errors)")
        }
    }

    @Test(.enabled(if: OrdinaryUser.isAvailable, "this needs root, and binaries that others may run"))
    func `another user gets in with --allow-uid alone, and nobody else does`() async throws {
        let clinic = try await Installation.withDatabase()
        let user = OrdinaryUser.nobody
        let health = ["health", "--address", "\(clinic.socket)"]
        try await clinic.serving { _ in
            let other = try await Program.run("clinic", health, as: user)
            #expect(other.status == 7)
        }
        try await clinic.serving(["--allow-uid", "\(user.identifier ?? 0)"]) { _ in
            let other = try await Program.run("clinic", health, as: user)
            #expect(other.status == 0, "\(other)")
            let own = try await Program.run("clinic", health)
            #expect(own.status == 7)
        }
    }
}
