// PgBouncer in front of a test database, run as an operator would.

import Foundation
import TestCleanup
import TestCluster
import TestWaiting
import Testing

/// Runs the body with the URL of a database through PgBouncer.
func withPooler(
    of url: String, mode: String, size: Int = 20, _ body: (_ pooled: String) async throws -> Void
) async throws {
    guard let parts = URLComponents(string: url),
        let host = parts.queryItems?.first(where: { $0.name == "host" })?.value
    else { throw CocoaError(.fileReadUnknown) }
    let directory = try TestCluster.makeDirectory()
    let isRoot = geteuid() == 0
    if isRoot, let user = getpwnam("postgres") { chown(directory, user.pointee.pw_uid, user.pointee.pw_gid) }
    try """
    [databases]
    * = host=\(host) port=5432 user=clinic
    [pgbouncer]
    listen_addr =
    unix_socket_dir = \(directory)
    listen_port = 5432
    auth_type = any
    pool_mode = \(mode)
    default_pool_size = \(size)
    max_client_conn = 100
    logfile = \(directory)/log
    """.write(toFile: directory + "/ini", atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: isRoot ? "/usr/bin/setpriv" : "/usr/sbin/pgbouncer")
    process.arguments =
        (isRoot
            ? ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", "/usr/sbin/pgbouncer"] : [])
        + ["-q", directory + "/ini"]
    process.currentDirectoryURL = URL(fileURLWithPath: "/")
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let number = process.processIdentifier
    try TestCluster.endWithRun(number)
    try await withCleanup({
        kill(number, SIGKILL)
        try? TestCluster.hasEnded(number)
    }) {
        try await eventually("PgBouncer listens") {
            FileManager.default.fileExists(atPath: directory + "/.s.PGSQL.5432")
        }
        var pooled = parts
        pooled.queryItems = parts.queryItems?.map {
            $0.name == "host" ? URLQueryItem(name: "host", value: directory) : $0
        }
        try await body(pooled.string ?? url)
    }
}
