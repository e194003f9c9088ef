// One daemon for all tests of the suite, with an administrator and an open department. Each test creates its own
// doctors and patients, so that tests do not affect each other.

import Foundation
import Testing

/// The suite of all tests that run commands against the daemon; each file adds an extension for one subject.
@Suite(.commandLineClinic) enum CommandLineTests {}

/// A running daemon with an administrator and a department.
struct CommandLineClinic: Sendable {
    @TaskLocal static var current: CommandLineClinic?

    private let installation: Installation
    let administrator: Person
    /// The number of a department that is open all day.
    let department: String

    /// The directory of its data and of the session files.
    var directory: String { installation.directory }
    var address: String { "\(installation.socket)" }

    /// The suite's daemon.
    static var shared: CommandLineClinic {
        get throws {
            guard let current else {
                throw Program.Missing(description: "the test is not part of CommandLineTests")
            }
            return current
        }
    }

    /// Runs a daemon while the body runs.
    static func running(_ body: (CommandLineClinic) async throws -> Void) async throws {
        let installation = try await Installation.withPostgreSQL()
        try await installation.serving { _ in try await body(CommandLineClinic(installation)) }
    }

    private init(_ installation: Installation) async throws {
        self.installation = installation
        let email = "admin@example.org"
        let made = try await installation.createAdministrator(email, password: Person.password)
        guard made.status == 0 else { throw Program.Missing(description: "create-admin failed: \(made)") }
        administrator = Person(email: email, directory: installation.directory)
        try await administrator.login()
        department = try await administrator.requireSuccess(
            "department", "create", "--name", "Always Open", "--opens", "00:00", "--closes", "24:00"
        ).id
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

extension Program.Ending {
    /// The last line on standard error.
    var lastError: String { errorLines.last ?? "" }

    /// Standard output as a JSON object.
    func json() throws -> [String: Any] { try jsonObject(output) }

    /// The number of the printed resource.
    var id: String {
        get throws {
            guard let id = try json()["id"] as? String else {
                throw Program.Missing(description: "there is no id: \(self)")
            }
            return id
        }
    }
}

/// A text as a JSON object.
func jsonObject(_ text: String) throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
        throw Program.Missing(description: "not a JSON object: \(text)")
    }
    return object
}

/// Runs the daemon around the suite.
struct CommandLineClinicTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await CommandLineClinic.running { server in
            try await CommandLineClinic.$current.withValue(server) { try await function() }
        }
    }
}

extension Trait where Self == CommandLineClinicTrait {
    static var commandLineClinic: Self { Self() }
}

/// Bookable times: on the grid of every doctor, in the next days.
enum BookingTime {
    /// Noon in Sydney `daysAhead` days from now, plus half hours.
    static func time(daysAhead: Int = 2, halfHour: Int = 0) throws -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try zone
        let noon = calendar.date(
            bySettingHour: 12, minute: 0, second: 0, of: Date.now + TimeInterval(86_400 * daysAhead))
        guard let noon else { throw Program.Missing(description: "there is no noon") }
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

    /// `yyyy-mm-dd hh:mm` in the clinic's local time, as it is printed.
    static func shown(daysAhead: Int = 2, halfHour: Int = 0) throws -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = try zone
        formatter.dateFormat = "yyyy-MM-dd HH:mm"
        return formatter.string(from: try time(daysAhead: daysAhead, halfHour: halfHour))
    }

    /// RFC 3339 in UTC.
    static func instant(daysAhead: Int = 2, halfHour: Int = 0) throws -> String {
        try time(daysAhead: daysAhead, halfHour: halfHour).formatted(.iso8601)
    }

    private static var zone: TimeZone {
        get throws {
            guard let zone = TimeZone(identifier: "Australia/Sydney") else {
                throw Program.Missing(description: "tzdata is missing")
            }
            return zone
        }
    }
}
