// A PostgreSQL server whose place, settings and end a test decides: a primary, or a standby of one. It is run by its own
// programs, as an operator would, and not by the code under test.

import Foundation

/// One server, which is gone with the test run.
public struct TestServer: Sendable {
    /// A program of PostgreSQL that failed, with what it printed.
    public struct ProgramFailure: Error, CustomStringConvertible {
        /// The program and its output.
        public let description: String
    }

    /// The directory of its socket.
    public let socketDirectory: String
    private let data: String
    private var log: String { socketDirectory + "/log" }

    private init() throws {
        let directory = try TestCluster.makeDirectory() + "/postgresql"
        try Self.makeDirectory(directory)
        socketDirectory = directory
        data = directory + "/data"
    }

    /// Makes a primary that standbys can follow, with a database and a role that are named `clinic`.
    public static func makePrimary(settings: [String: String] = [:]) async throws -> TestServer {
        let server = try TestServer()
        try await run(
            "initdb", "--no-sync", "--data-checksums", "--auth=trust", "--username=postgres", "-E", "UTF8",
            "--locale=C.UTF-8", "-D", server.data)
        try await server.start(settings)
        try await server.administer("CREATE ROLE clinic LOGIN")
        try await server.administer("CREATE DATABASE clinic OWNER clinic TEMPLATE template0")
        return server
    }

    /// Makes a standby of this primary and starts it.
    public func makeStandby(settings: [String: String] = [:]) async throws -> TestServer {
        let standby = try TestServer()
        try await Self.run(
            "pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf",
            "-h", socketDirectory, "-U", "postgres", "-D", standby.data)
        try await standby.start(settings)
        return standby
    }

    /// Starts it, again after `stop` too.
    public func start(_ settings: [String: String] = [:]) async throws {
        let all = settings.merging(["listen_addresses": "", "unix_socket_directories": socketDirectory]) {
            $1
        }
        try await Self.run(
            "pg_ctl", "-w", "-t", "120", "-D", data, "-l", log, "-o",
            all.sorted { $0.key < $1.key }.map { "-c \($0.key)='\($0.value)'" }.joined(separator: " "),
            "start")
    }

    /// Stops it: `fast` ends sessions and writes a checkpoint, `immediate` is a crash.
    public func stop(_ mode: String = "fast") async throws {
        try await Self.run("pg_ctl", "-w", "-D", data, "-m", mode, "stop")
    }

    /// Makes a standby the primary, and waits until it is.
    public func promote() async throws { try await Self.run("pg_ctl", "-w", "-D", data, "promote") }

    /// Its postmaster's process.
    public var process: Int32? {
        (try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8))?
            .split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// Runs a statement as the superuser.
    public func administer(_ sql: String) async throws {
        try await Self.run(
            "psql", "-X", "-q", "-h", socketDirectory, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql)
    }

    /// What a query of one number says, whatever the server is, as the superuser in the database `clinic`.
    public func count(_ sql: String) async throws -> Int64 {
        let text = try await Self.run(
            "psql", "-X", "-A", "-t", "-h", socketDirectory, "-U", "postgres", "-d", "clinic", "-c", sql)
        guard let number = Int64(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ProgramFailure(description: "psql answered: \(text)")
        }
        return number
    }

    /// The URL of the database of these servers, in their order.
    public static func url(of servers: TestServer..., parameters: String = "") -> String {
        let hosts = servers.map(\.socketDirectory).joined(separator: ",")
        return "postgresql://clinic@/clinic?host=\(hosts)" + parameters
    }

    // MARK: - Programs

    private static let programs: String = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root))?.compactMap { Int($0) }
        return versions?.max().map { "\(root)/\($0)/bin/" } ?? "/usr/bin/"
    }()

    private static let prefix =
        geteuid() == 0
        ? ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] : []

    private static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard geteuid() == 0, let user = getpwnam("postgres") else { return }
        chown(path, user.pointee.pw_uid, user.pointee.pw_gid)
    }

    @discardableResult
    private static func run(_ program: String, _ arguments: String...) async throws -> String {
        let command = prefix + [programs + program] + arguments
        let output = try TestCluster.makeDirectory() + "/output"
        let status = await withCheckedContinuation { ended in
            Thread.detachNewThread { ended.resume(returning: wait(command, output)) }
        }
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard status == 0 else { throw ProgramFailure(description: "\(program) failed: \(text)") }
        return text
    }

    /// Runs a command to its own end, whatever it leaves running; `Process` would wait for that, too.
    private static func wait(_ command: [String], _ output: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // The server keeps no descriptor of this process.
        let shell = [
            "/bin/bash", "-c",
            """
            cd /
            for path in /proc/self/fd/*; do number=${path##*/}; [ $number -gt 2 ] && eval "exec $number>&-"; done
            exec "$@"
            """, "bash",
        ]
        let arguments = (shell + command).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        let spawned = posix_spawn(&process, shell[0], &actions, nil, arguments, environ)
        guard spawned == 0 else { return spawned }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
