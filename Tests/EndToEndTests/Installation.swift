// A clinic as an administrator has it: a data directory, a daemon on it, and clients that find its socket. A PostgreSQL
// in it is a copy of one that was made once, because initdb takes longer than everything else in these tests; where the
// test is not about it, the daemon takes a database of the cluster that the test run shares.

import ClinicClient
import ClinicMessages
import Foundation
import ProtobufC
import RPC
import TestCluster
import Testing

/// A data directory with what belongs to it.
struct Installation: Sendable {
    let directory: String
    /// The database to name; nil for a private PostgreSQL.
    var database: String?
    /// The same under the role that serves; nil: the owner serves.
    var serviceDatabase: String?

    static let password = "correct horse"

    /// A data directory with a private PostgreSQL in it, which has the schema and no data.
    static func withPostgreSQL() async throws -> Installation {
        let installation = try empty()
        let copy = try Program(commandLine: [
            "/bin/cp", "-a", "--reflink=auto", "--no-target-directory", try await template.value.directory,
            installation.directory,
        ])
        guard try await copy.end().status == 0 else { throw Program.Missing(description: copy.errors) }
        return installation
    }

    /// A data directory beside a database of the shared cluster, which has nothing in it.
    static func withDatabase() async throws -> Installation {
        let database = try await TestCluster.makeDatabase()
        return Installation(
            directory: try TestCluster.makeDirectory(), database: database,
            serviceDatabase: TestCluster.serviceURL(of: database))
    }

    /// A data directory with nothing in it.
    static func empty() throws -> Installation {
        Installation(directory: try TestCluster.makeDirectory())
    }

    private static let template = Task {
        let installation = try empty()
        let migration = try await Program.run(
            "clinicd", ["migrate", "--data-dir", installation.directory], within: .seconds(120))
        guard migration.status == 0 else { throw Program.Missing(description: migration.errors) }
        return installation
    }

    // MARK: - Programs

    var socket: Address { .unix(path: directory + "/clinic.sock") }

    /// Starts the daemon with its socket in the data directory and waits until it serves.
    func serve(
        _ options: [String] = [], environment: [String: String] = [:], as user: OrdinaryUser? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Program {
        let daemon = try start(options, environment: environment, as: user)
        try await daemon.line(with: "listening on \(socket)", sourceLocation: sourceLocation)
        return daemon
    }

    /// Runs the body with a daemon that serves, then ends the daemon with SIGTERM and expects that it ends well. If the
    /// body throws, the daemon is killed.
    func serving(
        _ options: [String] = [], environment: [String: String] = [:], as user: OrdinaryUser? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (Program) async throws -> Void
    ) async throws {
        let daemon = try await serve(
            options, environment: environment, as: user, sourceLocation: sourceLocation)
        try await body(daemon)
        let ending = try await daemon.stop(sourceLocation: sourceLocation)
        #expect(ending.status == 0, "\(ending)", sourceLocation: sourceLocation)
    }

    /// Starts the daemon without waiting.
    func start(
        _ options: [String] = [], environment: [String: String] = [:], as user: OrdinaryUser? = nil
    ) throws -> Program {
        try Program(
            "clinicd",
            ["serve"] + place + ["--listen", "\(socket)", "--bcrypt-cost", "4"] + options,
            environment: environment, as: user)
    }

    /// Runs another command of the daemon on the data directory to its end.
    func run(
        _ command: String, _ options: [String] = [], input: String = "", as user: OrdinaryUser? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Program.Ending {
        let cost = command == "migrate" ? [] : ["--bcrypt-cost", "4"]
        return try await Program.run(
            "clinicd", [command] + place + cost + options, input: input, as: user,
            sourceLocation: sourceLocation)
    }

    /// The options that say where everything is.
    var place: [String] {
        guard let database else { return ["--data-dir", directory] }
        guard let serviceDatabase else { return ["--data-dir", directory, "--database", database] }
        return ["--data-dir", directory, "--database", serviceDatabase, "--migrate-database", database]
    }

    /// Makes an administrator with the usual password.
    func createAdministrator(
        _ email: String, password: String = Installation.password, _ options: [String] = []
    ) async throws -> Program.Ending {
        try await run("create-admin", ["--email", email] + options, input: password + "\n")
    }

    /// Makes an authority with certificates, and returns their folder.
    func makeAuthority(named name: String = "authority") async throws -> String {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "certificates").path
        let made = try await Program(
            commandLine: ["/bin/bash", script, "\(directory)/\(name)"], environment: ["PATH": "/usr/bin:/bin"]
        ).end()
        guard made.status == 0 else { throw Program.Missing(description: "openssl: \(made)") }
        return "\(directory)/\(name)"
    }

    // MARK: - Callers

    /// A client that tries every call once.
    func client(of address: Address? = nil, within limit: Duration = .seconds(20)) -> ClinicClient {
        var configuration = ClinicClientConfiguration()
        configuration.retryPolicy = .never
        configuration.timeout = limit
        return ClinicClient(address: address ?? socket, configuration: configuration)
    }

    func signUp(_ email: String) async throws -> User {
        try await client().call(
            UserServiceMethods.createUser,
            CreateUserRequest(
                firstName: "Pat", lastName: "Ient", phone: "0400000000", email: email,
                password: Self.password))
    }

    func logIn(_ email: String, password: String = Installation.password) async throws -> LoginResponse {
        try await client().call(
            UserServiceMethods.login, LoginRequest(email: email, password: password))
    }

    // MARK: - What is left

    /// The private PostgreSQL's process, as its own file names it.
    var postmaster: Int32? {
        let file = directory + "/postgresql/data/postmaster.pid"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first.flatMap { Int32($0) }
    }

    func contents() throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: directory))
    }
}

/// The rights on a file, and whose it is.
func attributes(of path: String) throws -> (mode: Int, owner: UInt32) {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (
        (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1,
        (attributes[.ownerAccountID] as? NSNumber)?.uint32Value ?? .max
    )
}

/// Whether a process of that number is there and not just waiting to be reaped.
func isRunning(_ process: Int32) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let state = text.split(separator: ")").last?.first(where: { $0 != " " })
    else { return false }
    return state != "Z"
}

/// The status a call fails with; nil when it succeeds.
func status(of call: () async throws -> Void) async throws -> Status? {
    do {
        try await call()
        return nil
    } catch let status as Status {
        return status
    }
}

/// Checks that a program gave up as it should: not with success, and with one line for a person that says this.
func expectComplaint(
    _ ending: Program.Ending, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(ending.status != 0 && ending.status < 128, "\(ending)", sourceLocation: sourceLocation)
    #expect(ending.output.isEmpty, "\(ending)", sourceLocation: sourceLocation)
    #expect(ending.errorLines.count == 1, "\(ending.errors)", sourceLocation: sourceLocation)
    #expect(ending.errors.hasPrefix("clinicd: "), "\(ending.errors)", sourceLocation: sourceLocation)
    for word in words {
        #expect(ending.errors.contains(word), "\(ending.errors)", sourceLocation: sourceLocation)
    }
    // Values of Swift print as Name(field: …), with Optional around some and the module in front of others.
    let dump = ending.errors.firstMatch(of: /\b[A-Z][A-Za-z]+\(|Optional|\b[A-Z][A-Za-z]+\.[A-Z][A-Za-z]+/)
    #expect(dump == nil, "\(ending.errors)", sourceLocation: sourceLocation)
}
