// Why a daemon may not be able to start. Each is one line that says what to do, and over before anybody gets impatient.

import Foundation
import RPC
import TestCluster
import Testing

@Suite(.seated)
struct StartFailureTests {
    /// A mistake in the options, and what is said about it.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let options: [String]
        let words: String

        var testDescription: String { options.joined(separator: " ") }

        init(_ options: String..., says words: String) {
            self.options = options
            self.words = words
        }
    }

    static let mistakes = [
        Mistake("--no-such-option", says: "Unknown option '--no-such-option'"),
        Mistake("unexpected", says: "Unexpected argument 'unexpected'"),
        Mistake("--listen", says: "Missing value for '--listen'"),
        Mistake("--listen", "127.0.0.1:7411", says: "an address is unix:PATH, tcp:HOST:PORT or tls:"),
        Mistake("--listen", "tcp:127.0.0.1:70000", says: "the port is a number from 0 to 65535"),
        Mistake(
            "--listen", "tls:127.0.0.1:0", says: "--listen tls:127.0.0.1:0 needs --tls-cert and --tls-key"),
        Mistake(
            "--tls-cert", "/nothing.pem", "--tls-key", "/nothing.key", says: "/nothing.pem cannot be read"),
        Mistake("--tls-cert", "/nothing.pem", says: "--tls-cert needs --tls-key"),
        Mistake("--tls-crl", "/nothing.pem", says: "--tls-crl needs --tls-client-ca"),
        Mistake("--listen", "unix:/" + String(repeating: "x", count: 107), says: "at most 107 bytes"),
        Mistake("--bcrypt-cost", "3", says: "--bcrypt-cost is 4 to 16, not 3"),
        Mistake("--bcrypt-cost", "32", says: "--bcrypt-cost is 4 to 16, not 32"),
        Mistake("--bcrypt-cost", "much", says: "The value 'much' is invalid for '--bcrypt-cost'"),
        Mistake("--time-zone", "Mars/Olympus", says: "the time zone \"Mars/Olympus\" is unknown"),
        Mistake("--currency", "dollars", says: "--currency is an ISO 4217 code such as AUD"),
        Mistake("--gst-basis-points=-1", says: "--gst-basis-points is 0 to 10000, not -1"),
        Mistake("--full-refund-before", "9000", says: "--full-refund-before is 0 to 8760 hours"),
        Mistake("--log-level", "loud", says: "give trace, debug, info, notice, warning or error"),
        Mistake("--database", "no such thing", says: "it looks like postgresql://USER@HOST:PORT/DATABASE"),
        Mistake(
            "--database", "postgresql://ann:hush@127.0.0.1:1/x", "--wait-for-database", "0",
            says: "Connection refused"),
        Mistake("--database", "postgresql://h/x?target_session_attrs=standby", says: "asks for a standby"),
        Mistake("--database", "postgresql://a:1,b:2,c:3/x?port=1,2", says: "3 hosts and 2 ports"),
        Mistake("--wait-for-database", "a while", says: "The value 'a while' is invalid"),
        Mistake("--data-dir=", says: "Missing value for '--data-dir'"),
        Mistake("--data-dir", "/proc/nothing/here", says: "cannot make the data directory"),
    ]

    @Test(arguments: mistakes)
    func `a mistake in the options is one line`(_ mistake: Mistake) async throws {
        let clinic = try Installation.empty()
        let ending = try await Program.run(
            "clinicd", ["serve", "--data-dir", clinic.directory] + mistake.options, within: .seconds(10))
        expectComplaint(ending, mistake.words)
        #expect(!ending.errors.contains("hush"))
        #expect(try !clinic.contents().contains("postgresql"))
    }

    @Test func `a second daemon on the same data directory is refused`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving { daemon in
            let second = try await clinic.start(["--listen", "tcp:127.0.0.1:0"]).end(within: .seconds(10))
            expectComplaint(second, "another clinicd uses \(clinic.directory) (process \(daemon.identifier))")

            _ = try await clinic.signUp("ann@example.org")
        }
    }

    @Test func `a port in use is said, and PostgreSQL does not stay behind`() async throws {
        let taken = try ListeningSocket()
        let clinic = try await Installation.withPostgreSQL()
        let ending = try await clinic.start(["--listen", "tcp:127.0.0.1:\(taken.port)"]).end()
        #expect(ending.status == 1)
        #expect(
            ending.errors == "clinicd: cannot listen on tcp:127.0.0.1:\(taken.port): address in use: "
                + "another process listens there\n")
        #expect(clinic.postmaster == nil)
        #expect(try processes(mentioning: clinic.directory).isEmpty)
        #expect(try !clinic.contents().contains("clinic.sock"))
    }

    @Test func `a socket in use is not taken from its owner`() async throws {
        let (clinic, other) = (try await Installation.withDatabase(), try await Installation.withDatabase())
        try await clinic.serving { _ in
            let intruder = try await Program.run(
                "clinicd",
                ["serve"] + other.place + ["--listen", "\(clinic.socket)", "--log-level", "warning"])
            expectComplaint(intruder, "cannot listen on \(clinic.socket): address in use")
            _ = try await clinic.signUp("ann@example.org")
        }
    }

    @Test func `a file in the place of the socket stays what it is`() async throws {
        let clinic = try await Installation.withDatabase()
        let path = clinic.directory + "/clinic.sock"
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        let ending = try await clinic.start(["--log-level", "warning"]).end()
        expectComplaint(ending, "a file that is not a socket is in the way")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func `a signing key that others may read is not used`() async throws {
        let clinic = try Installation.empty()
        let path = clinic.directory + "/signing-keys"
        try Data("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n".utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o644)
        expectComplaint(try await clinic.start().end(within: .seconds(10)), path, "chmod 600")
    }
}
