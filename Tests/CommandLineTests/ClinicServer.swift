// One daemon for all tests of the suite, with an administrator and an open department. Each test creates its own
// doctors and patients, so that tests do not affect each other.

import Foundation
import Subprocess
import Testing

/// The suite of all tests that use the daemon; each file adds an extension for one subject.
@Suite(.clinicServer) enum CommandLineTests {}

/// A running daemon.
struct ClinicServer: Sendable {
    @TaskLocal static var current: ClinicServer?

    /// The directory of its data and of the session files.
    let directory: String
    let administrator: Person
    /// The number of a department that is open all day.
    let department: String

    var address: String { "unix:\(directory)/clinic.sock" }

    /// The suite's daemon.
    static var shared: ClinicServer {
        get throws {
            guard let current else { throw SetupFailure("the test is not part of CommandLineTests") }
            return current
        }
    }

    /// Stops the daemon at the end of its standard input, which the kernel closes however this process ends, and
    /// removes the directory.
    private static let supervisorScript = """
        clinicd serve --data-dir "$1/data" --listen "unix:$1/clinic.sock" --bcrypt-cost 4 2>"$1/log" &
        exec >&-
        read -r || :
        kill -TERM $!
        wait $!
        status=$?
        rm -rf "$1"
        exit $status
        """

    /// Runs a daemon while the body runs.
    static func running(_ body: (ClinicServer) async throws -> Void) async throws {
        // Not in TMPDIR: the path of a socket may have 107 bytes, and PostgreSQL may run as another user.
        let directory = "/tmp/clinic-command-line-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o711])
        let result = try await Subprocess.run(
            .name("bash"), arguments: ["-c", supervisorScript, "bash", directory],
            environment: Programs.environment(), input: .inputWriter, output: .sequence, error: .discarded
        ) { execution in
            do {
                var lines = execution.standardOutput.strings().makeAsyncIterator()
                guard let line = try await lines.next(), line.contains("listening") else {
                    let log = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
                    throw SetupFailure("clinicd does not listen: \(log)")
                }
                try await body(prepare(directory))
            } catch {
                try? await execution.standardInputWriter.finish()
                throw error
            }
            try await execution.standardInputWriter.finish()
        }
        #expect(Programs.code(of: result.terminationStatus) == 0, "clinicd exited with an error")
    }

    private static func prepare(_ directory: String) async throws -> ClinicServer {
        let email = "admin@example.org"
        let made = try await Programs.run(
            "clinicd",
            ["create-admin", "--data-dir", directory + "/data", "--email", email, "--bcrypt-cost", "4"],
            input: Person.password + "\n")
        guard made.status == 0 else { throw SetupFailure("create-admin failed: \(made)") }
        let administrator = Person(email: email, directory: directory)
        try await administrator.login()
        let department = try await administrator.requireSuccess(
            "department", "create", "--name", "Always Open", "--opens", "00:00", "--closes", "24:00")
        return ClinicServer(
            directory: directory, administrator: administrator, department: try department.id)
    }

    /// A patient who has signed up and signed in.
    func patient(_ name: String = "Ada") async throws -> Person {
        let person = try await signedUpPatient(name)
        try await person.login()
        return person
    }

    /// A patient who has signed up but not signed in.
    func signedUpPatient(_ name: String = "Ada") async throws -> Person {
        let email = "\(name.lowercased()).\(UInt64.random(in: 0 ... .max))@example.com"
        let person = Person(email: email, directory: directory)
        _ = try await person.requireSuccess(
            "user", "create", "--first-name", name, "--last-name", "Lovelace", "--email", email,
            "--password-stdin", input: Person.password + "\n")
        return person
    }

    /// A user without an account.
    func anonymousUser() -> Person {
        Person(email: "nobody.\(UInt64.random(in: 0 ... .max))@example.com", directory: directory)
    }

    /// Registers a doctor with a fee of 200.99 AUD and returns the number.
    func doctor() async throws -> String {
        try await administrator.requireSuccess(
            "doctor", "register", "--department", department, "--name", "Dr Grace Hopper",
            "--registration-number", "MED\(UInt64.random(in: 0 ... .max))", "--registration-expiry",
            "2999-12-31",
            "--fee", "200.99"
        ).id
    }
}

extension Outcome {
    /// The number of the printed resource.
    var id: String {
        get throws {
            guard let id = try json()["id"] as? String else { throw SetupFailure("there is no id: \(self)") }
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

/// Bookable times: on the grid of every doctor, in the next days.
enum BookingTime {
    /// Noon in Sydney `daysAhead` days from now, plus half hours.
    static func time(daysAhead: Int = 2, halfHour: Int = 0) throws -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try zone
        let noon = calendar.date(
            bySettingHour: 12, minute: 0, second: 0, of: Date.now + TimeInterval(86_400 * daysAhead))
        guard let noon else { throw SetupFailure("there is no noon") }
        return noon + TimeInterval(1800 * halfHour)
    }

    /// `dd/mm/yyyy hh:mm:ss` in the clinic's local time.
    static func local(daysAhead: Int = 2, halfHour: Int = 0) throws -> String {
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
                throw SetupFailure("tzdata is missing")
            }
            return zone
        }
    }
}
