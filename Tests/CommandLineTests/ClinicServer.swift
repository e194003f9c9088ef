// One daemon for all tests of the suite, with an administrator and an open department. Each test has doctors and
// patients of its own, so that none sees what another one does.

import Foundation
import Subprocess
import Testing

/// The tests that talk to the daemon are in extensions of this, one file for each subject.
@Suite(.clinicServer) enum CommandLineTests {}

/// A daemon that runs.
struct ClinicServer: Sendable {
    @TaskLocal static var current: ClinicServer?

    /// What belongs to it, session files too.
    let directory: String
    let administrator: Person
    /// The number of a department that is always open.
    let department: String

    var address: String { "unix:\(directory)/clinic.sock" }

    /// The daemon of the suite.
    static var shared: ClinicServer {
        get throws {
            guard let current else { throw Surprise("the test is not in CommandLineTests") }
            return current
        }
    }

    /// Ends with its standard input, which the kernel closes however this process ends; tidies up after the daemon.
    private static let leash = """
        clinicd serve --data-dir "$1/data" --listen "unix:$1/clinic.sock" --bcrypt-cost 4 2>"$1/log" &
        exec >&-
        read -r || :
        kill -TERM $!
        wait $!
        status=$?
        rm -rf "$1"
        exit $status
        """

    /// Runs a daemon for as long as the body.
    static func running(_ body: (ClinicServer) async throws -> Void) async throws {
        // Not in TMPDIR: the path of a socket may have 107 bytes, and PostgreSQL may run as another user.
        let directory = "/tmp/clinic-command-line-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o711])
        let result = try await Subprocess.run(
            .name("bash"), arguments: ["-c", leash, "bash", directory],
            environment: Programs.environment(), input: .inputWriter, output: .sequence, error: .discarded
        ) { execution in
            do {
                var lines = execution.standardOutput.strings().makeAsyncIterator()
                guard let line = try await lines.next(), line.contains("listening") else {
                    let log = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
                    throw Surprise("clinicd does not listen: \(log)")
                }
                try await body(prepare(directory))
            } catch {
                try? await execution.standardInputWriter.finish()
                throw error
            }
            try await execution.standardInputWriter.finish()
        }
        #expect(Programs.code(of: result.terminationStatus) == 0, "clinicd did not end well")
    }

    private static func prepare(_ directory: String) async throws -> ClinicServer {
        let email = "admin@example.org"
        let made = try await Programs.run(
            "clinicd",
            ["create-admin", "--data-dir", directory + "/data", "--email", email, "--bcrypt-cost", "4"],
            input: Person.password + "\n")
        guard made.status == 0 else { throw Surprise("no administrator: \(made)") }
        let administrator = Person(email: email, directory: directory)
        try await administrator.login()
        let department = try await administrator.done(
            "department", "create", "--name", "Always Open", "--opens", "00:00", "--closes", "24:00")
        return ClinicServer(
            directory: directory, administrator: administrator, department: try department.id)
    }

    /// A patient who is signed in.
    func patient(_ name: String = "Ada") async throws -> Person {
        let person = try await newcomer(name)
        try await person.login()
        return person
    }

    /// A patient who has signed up and is not signed in.
    func newcomer(_ name: String = "Ada") async throws -> Person {
        let email = "\(name.lowercased()).\(UInt64.random(in: 0 ... .max))@example.com"
        let person = Person(email: email, directory: directory)
        _ = try await person.done(
            "user", "create", "--first-name", name, "--last-name", "Lovelace", "--email", email,
            "--password-stdin", input: Person.password + "\n")
        return person
    }

    /// Somebody who has not even signed up.
    func stranger() -> Person {
        Person(email: "nobody.\(UInt64.random(in: 0 ... .max))@example.com", directory: directory)
    }

    /// The number of a new doctor, whose visits cost 200.99 AUD.
    func doctor() async throws -> String {
        try await administrator.done(
            "doctor", "register", "--department", department, "--name", "Dr Grace Hopper",
            "--registration-number", "MED\(UInt64.random(in: 0 ... .max))", "--registration-expiry",
            "2999-12-31",
            "--fee", "200.99"
        ).id
    }
}

extension Outcome {
    /// The number of the thing that was printed.
    var id: String {
        get throws {
            guard let id = try json()["id"] as? String else { throw Surprise("there is no id: \(self)") }
            return id
        }
    }
}

/// Runs the daemon around the suite.
struct ClinicServerTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await ClinicServer.running { server in
            try await ClinicServer.$current.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == ClinicServerTrait {
    static var clinicServer: Self { Self() }
}

/// Times to book: on the grid of every doctor, in the days to come.
enum Visit {
    /// Noon in Sydney some days ahead, plus half hours.
    static func time(daysAhead: Int = 2, halfHour: Int = 0) throws -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try zone
        let noon = calendar.date(
            bySettingHour: 12, minute: 0, second: 0, of: Date.now + TimeInterval(86_400 * daysAhead))
        guard let noon else { throw Surprise("there is no noon") }
        return noon + TimeInterval(1800 * halfHour)
    }

    /// `dd/mm/yyyy hh:mm:ss` on the clinic's clock.
    static func clock(daysAhead: Int = 2, halfHour: Int = 0) throws -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = try zone
        formatter.dateFormat = "dd/MM/yyyy HH:mm:ss"
        return formatter.string(from: try time(daysAhead: daysAhead, halfHour: halfHour))
    }

    /// RFC 3339 in UTC.
    static func instant(daysAhead: Int = 2, halfHour: Int = 0) throws -> String {
        try time(daysAhead: daysAhead, halfHour: halfHour).formatted(.iso8601)
    }

    private static var zone: TimeZone {
        get throws {
            guard let zone = TimeZone(identifier: "Australia/Sydney") else {
                throw Surprise("tzdata is missing")
            }
            return zone
        }
    }
}
