// A real PostgreSQL for the tests: one cluster per test run, started when the first test asks for a database,
// and gone with the process however that ends. Each suite takes a database of its own, so suites do not see
// each other.

import Foundation
public import Logging
public import PostgreSQL
internal import TestCleanup

/// The PostgreSQL cluster all tests of a run share.
public enum TestCluster {
    private static let base = Result { try TemporaryDirectory() }
    private static let shared = Task {
        try await startPrivateCluster(named: "shared")
    }
    private static let names = Names()

    /// Makes a new, empty database and returns its connection URL (the role `clinic` owns it).
    public static func makeDatabase() async throws -> String {
        let cluster = try await shared.value
        let name = "test_\(names.next())"
        try await cluster.makeDatabase(named: name)
        return cluster.url(database: name)
    }

    /// A URL of `makeDatabase` under the role that serves and owns nothing.
    public static func serviceURL(of url: String) -> String {
        url.replacing("//clinic@", with: "//clinic_service@")
    }

    /// Runs one statement as the shared cluster's superuser, outside any test database.
    @discardableResult
    public static func administer(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Rows {
        let url = try await shared.value.administratorURL
        return try await AdminConnection.withConnection(url: url) { connection in
            try connection.query(sql, parameters)
        }
    }

    /// Ends all connections to a test database as an administrator would; returns how many that were.
    @discardableResult
    public static func terminateConnections(of url: String) async throws -> Int {
        try await administer(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = $1 AND pid <> pg_backend_pid()
            """, [.text(databaseName(of: url))]
        ).count
    }

    /// The server processes that serve a test database, to be killed the hard way.
    public static func backendProcesses(of url: String) async throws -> [Int32] {
        try await administer(
            "SELECT pid FROM pg_stat_activity WHERE datname = $1", [.text(databaseName(of: url))]
        )
        .map { row in
            var row = row
            return Int32(clamping: try row.int64())
        }
    }

    /// A server that is there and does nothing.
    public struct HungServer: Sendable {
        /// Its own process and all it has started.
        public let processes: [Int32]

        /// Lets it go on.
        public func resume() {
            for process in processes { kill(process, SIGCONT) }
        }
    }

    /// Stops a server with all it has started (SIGSTOP).
    public static func hang(_ postmaster: Int32) -> HungServer {
        // First, so that it starts nothing that would go on.
        kill(postmaster, SIGSTOP)
        let server = HungServer(processes: serverProcesses(of: postmaster))
        for process in server.processes { kill(process, SIGSTOP) }
        return server
    }

    /// A server's process and those it has started.
    public static func serverProcesses(of postmaster: Int32) -> [Int32] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap {
            Int32($0)
        }
        let children = (numbers ?? []).filter { number in
            // After the name in brackets: state and parent.
            let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)
            let fields = text?.split(separator: ")").last?.split(separator: " ")
            return fields?.dropFirst().first.flatMap { Int32($0) } == postmaster
        }
        return [postmaster] + children
    }

    /// The name of the database a URL of `makeDatabase` leads to.
    public static func databaseName(of url: String) -> String {
        URLComponents(string: url).map { String($0.path.dropFirst()) } ?? ""
    }

    /// A new directory that disappears with the test run, PostgreSQL servers in it included.
    public static func makeDirectory(named name: String? = nil) throws -> String {
        let path = try base.get().path + "/" + (name ?? "directory\(names.next())")
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        return path
    }

    /// Has a program killed that is still there when the test run ends, however that ends.
    public static func endWithRun(_ process: Int32) throws {
        try Data().write(to: URL(fileURLWithPath: makeDirectory(named: "processes") + "/\(process)"))
    }

    /// Takes that back once the program has ended and its number may be somebody else's.
    public static func hasEnded(_ process: Int32) throws {
        unlink(try makeDirectory(named: "processes") + "/\(process)")
    }

    /// Starts a cluster of its own, for tests that stop or kill theirs.
    public static func startPrivateCluster(
        named name: String? = nil, logger: Logger = TestCluster.logger
    ) async throws -> PrivateCluster {
        try await startPrivateCluster(in: makeDirectory(named: name), logger: logger)
    }

    /// Starts a cluster in a directory made by `makeDirectory`, also again in the same one.
    public static func startPrivateCluster(
        in directory: String, logger: Logger = TestCluster.logger
    ) async throws -> PrivateCluster {
        var configuration = PrivateCluster.Configuration(directory: directory)
        configuration.syncsNewCluster = false
        // All suites run at once.
        configuration.serverSettings = ["max_connections": "400"]
        return try await PrivateCluster.start(configuration, logger: logger)
    }

    /// Runs the body with a cluster of its own, which is stopped afterwards, also if the body throws or has ended it.
    public static func withPrivateCluster<Value>(
        _ body: (PrivateCluster) async throws -> Value
    ) async throws -> Value {
        let cluster = try await startPrivateCluster()
        return try await withCleanup(cluster.stop) { try await body(cluster) }
    }

    /// A logger that says nothing below critical: tests provoke every warning there is.
    public static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()
}
