// `clinicd serve` from its first line to its last: where it listens, what it leaves in the data directory, how it ends.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct ServeTests {
    @Test func `every listener gets one line and answers`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve(["--listen", "tcp:127.0.0.1:0", "--log-level", "warning"])
        let line = try await daemon.line(with: "listening on tcp:127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })

        for address in [clinic.socket, .tcp(host: "127.0.0.1", port: port)] {
            let health = try await clinic.client(of: address).call(HealthMethods.check, HealthCheckRequest())
            #expect(health.status == .serving)
        }
        let ending = try await daemon.stop()
        #expect(
            ending.outputLines == [
                "clinicd: listening on \(clinic.socket)", "clinicd: listening on tcp:127.0.0.1:\(port)",
            ])
        #expect(ending.errors.isEmpty)
    }

    @Test func `without --listen it takes the socket in the data directory and port 7411`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try Program("clinicd", ["serve"] + clinic.place)
        do {
            try await daemon.line(with: "listening on tcp:127.0.0.1:7411")
            #expect(daemon.output.hasPrefix("clinicd: listening on \(clinic.socket)\n"))
            #expect(try await daemon.stop().status == 0)
        } catch is Program.Missing {
            // Another clinic may be using this machine's port: then that is what the daemon has to say.
            let ending = try await daemon.end()
            #expect(ending.errors.contains("cannot listen on tcp:127.0.0.1:7411: address in use"))
        }
    }

    @Test func `the data directory lets nobody in who has no business there`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving { _ in
            #expect(
                try clinic.contents() == [
                    "clinic.sock", "postgresql", "postgresql.lock", "postgresql.log", "signing-keys",
                ])
            #expect(try attributes(of: clinic.directory).mode == 0o711)
            #expect(try attributes(of: clinic.directory + "/clinic.sock").mode == 0o660)
            for name in ["postgresql.lock", "postgresql.log", "signing-keys"] {
                let (mode, owner) = try attributes(of: clinic.directory + "/" + name)
                #expect(mode == 0o600 && owner == geteuid(), "\(name)")
            }
            #expect(try attributes(of: clinic.directory + "/postgresql").mode == 0o700)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a signal ends daemon and PostgreSQL and leaves the data`(_ signal: Int32) async throws {
        let clinic = try await Installation.withPostgreSQL()
        let daemon = try await clinic.serve()
        let user = try await clinic.signUp("ann@example.org")
        let token = try await clinic.logIn("ann@example.org").token
        let postmaster = try #require(clinic.postmaster)

        let ending = try await daemon.stop(signal)
        #expect(ending.status == 0)
        #expect(
            ending.log == ["info clinicd: ending: calls in flight are answered first", "info clinicd: ended"])
        #expect(!isRunning(postmaster))
        #expect(clinic.postmaster == nil)
        #expect(try !clinic.contents().contains("clinic.sock"))

        try await clinic.serving { _ in
            #expect(try await clinic.logIn("ann@example.org").email == user.email)
            // The key is kept, so nobody has to log in again.
            let client = clinic.client()
            client.token = token
            _ = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
        }
    }

    @Test func `it goes on when the reader of its output has gone`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--log-level", "trace"]) { daemon in
            try await daemon.hangUp()
            _ = try await clinic.signUp("ann@example.org")
        }
    }

    @Test func `an interrupted first start leaves nothing running and nothing in the way`() async throws {
        let clinic = try Installation.empty()
        func isMakingDatabase() throws -> Bool {
            try processes(mentioning: clinic.directory).contains { $0.contains("initdb") }
        }
        let first = try clinic.start()
        try await eventually("initdb") { try isMakingDatabase() }
        let ending = try await first.stop(within: .seconds(10))
        #expect(ending.status == 0)
        #expect(ending.output.isEmpty && ending.log == ["info clinicd: ended"], "\(ending)")
        try await eventually("initdb's end") { try processes(mentioning: clinic.directory).isEmpty }

        let second = try clinic.start()
        try await eventually("initdb") { try isMakingDatabase() }
        try await second.stop(SIGKILL)

        try await clinic.serving { _ in
            _ = try await clinic.signUp("ann@example.org")
        }
    }

    @Test func `a start that waits for the database ends at once when asked to`() async throws {
        // A database that takes the connection and never says a word.
        let silent = try ListeningSocket()
        let clinic = try Installation.empty()
        let daemon = try clinic.start(["--database", "postgresql://clinic@127.0.0.1:\(silent.port)/clinic"])
        try await eventually("the connection") { silent.hasCaller }
        let ending = try await daemon.stop(within: .seconds(3))
        #expect(ending.status == 0)
        #expect(ending.output.isEmpty && ending.log == ["info clinicd: ended"], "\(ending)")
    }
}

/// The command lines of all processes that hold a text.
func processes(mentioning text: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap {
        process in
        // A process may end while the list is read.
        guard let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline")) else {
            return nil
        }
        let words = String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
        return words.contains(text) ? words : nil
    }
}
