// The private cluster through everything that can happen to it between a first start and a power cut.

import Foundation
import TestCluster
import TestWaiting
import Testing

@testable import PostgreSQL

struct PrivateClusterTests {
    @Test func `it is made at the first start, and kept`() async throws {
        let directory = try TestCluster.makeDirectory()
        // An interrupted initdb leaves this.
        let unfinished = directory + "/postgresql/data.unfinished"
        try FileManager.default.createDirectory(
            atPath: unfinished + "/base", withIntermediateDirectories: true)
        if let user = SystemUser(named: "postgres"), geteuid() == 0 {
            for path in [unfinished, unfinished + "/base"] { chown(path, user.user, user.group) }
        }
        #expect(PrivateCluster.runningURL(directory: directory) == nil)
        let first = try await TestCluster.startPrivateCluster(in: directory)
        #expect(PrivateCluster.runningURL(directory: directory) == first.url)
        try await run("CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (42)", first.url)

        for (setting, value) in [
            ("server_encoding", "UTF8"), ("lc_collate", "C.UTF-8"), ("data_checksums", "on"), ("fsync", "on"),
            ("synchronous_commit", "on"), ("listen_addresses", ""), ("TimeZone", "UTC"),
        ] {
            let found = try await AdminConnection.withConnection(url: first.url) { connection in
                var row = try connection.query("SELECT current_setting($1)", [.text(setting)])[0]
                return try row.text()
            }
            #expect(found == value, "\(setting)")
        }
        #expect(
            try await number(
                "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND NOT rolsuper", first.url)
                == 1)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/postgresql")
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        if geteuid() == 0 { #expect(attributes[.ownerAccountName] as? String == "postgres") }

        await first.stop()
        #expect(PrivateCluster.runningURL(directory: directory) == nil)
        let second = try await TestCluster.startPrivateCluster(in: directory)
        #expect(try await number("SELECT n FROM kept", second.url) == 42)
        // btree_gist comes with the server and may be made by the clinic's own role.
        try await run("CREATE EXTENSION btree_gist", second.url)
        await second.stop()
    }

    @Test func `a second daemon on the same directory is told so`() async throws {
        let directory = try TestCluster.makeDirectory()
        let cluster = try await TestCluster.startPrivateCluster(in: directory)
        do {
            _ = try await TestCluster.startPrivateCluster(in: directory)
            Issue.record("no error was thrown")
        } catch let error as PrivateClusterError {
            #expect(error.kind == .inUse)
            #expect(error.description.contains("process \(getpid())"))
        }
        #expect(try await number("SELECT 1::bigint", cluster.url) == 1)
        await cluster.stop()
    }

    @Test func `a killed server is started again and has everything that was committed`() async throws {
        let cluster = try await TestCluster.startPrivateCluster()
        try await run("CREATE TABLE t (k bigint)", cluster.url)
        let database = try await connect(cluster.url)
        let insert = Statement("INSERT INTO t VALUES ($1)")
        for key in 0..<10 { _ = try await database.write(insert, [.int64(Int64(key))]) }
        for round in 1...2 {
            let process = try #require(cluster.serverProcess)
            kill(process, SIGKILL)
            try await eventually("another server") {
                cluster.serverProcess.map { $0 != process } == true
            }
            try await eventually("a write") {
                (try? await database.write(insert, [.int64(10)])) != nil
            }
            let count = try await number("SELECT count(*) FROM t WHERE k < 10", cluster.url)
            #expect(count == 10, "round \(round)")
        }
        await database.close()
        await cluster.stop()
    }

    @Test func `a server that outlived its daemon is stopped and replaced`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        try await run("CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (42)", first.url)
        await first.stop()
        // Started by hand, as nobody's child.
        let place = try ClusterDirectory(
            directory, user: geteuid() == 0 ? SystemUser(named: "postgres") : nil)
        let programs = try ServerPrograms.find(version: place.version())
        let log = try place.openLog()
        let orphan = try place.child.start(
            [
                programs.postgres, "-D", place.data, "-c", "listen_addresses=",
                "-c", "unix_socket_directories=\(place.owned)/socket",
            ], output: log)
        close(log)
        try await eventually("the orphan runs") { PrivateCluster.runningURL(directory: directory) != nil }
        try await eventually("the orphan answers") {
            (try? await number("SELECT n FROM kept", first.url)) == 42
        }

        let second = try await TestCluster.startPrivateCluster(in: directory)
        #expect(ChildProcess.wait(orphan) == 0, "it was stopped cleanly")
        #expect(try await number("SELECT n FROM kept", second.url) == 42)
        await second.stop()
    }

    @Test func `a postmaster pid that belongs to a stranger kills nobody and stops nothing`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        await first.stop()
        let place = try ClusterDirectory(
            directory, user: geteuid() == 0 ? SystemUser(named: "postgres") : nil)
        // A living process of PostgreSQL's own user: PostgreSQL itself would refuse to start.
        let log = try place.openLog()
        let stranger = try place.child.start(["/bin/sleep", "600"], output: log)
        close(log)
        let lines = ["\(stranger)", place.data, "1700000000", "5432", place.owned + "/socket", "", "", ""]
        try lines.joined(separator: "\n").write(
            toFile: place.data + "/postmaster.pid", atomically: false, encoding: .utf8)
        #expect(PrivateCluster.runningURL(directory: directory) == nil)
        let second = try await TestCluster.startPrivateCluster(in: directory)
        #expect(ChildProcess.wait(stranger, blocking: false) == nil, "the stranger still runs")
        kill(stranger, SIGKILL)
        _ = ChildProcess.wait(stranger)
        await second.stop()
    }

    @Test func `what reads for us on our machine leaves the processor to us`() async throws {
        let cluster = try await TestCluster.startPrivateCluster()
        let database = try await connect(cluster.url) {
            $0.niceness = 4
            $0.readConnections = 1
        }
        let process = Statement("SELECT pg_backend_pid()::bigint")
        var reader = try #require(try await database.read(process).first)
        #expect(try priority(of: reader.int64()) == 4)
        var writer = try #require(try await database.write(process).first)
        #expect(try priority(of: writer.int64()) == 0)
        await database.close()
        await cluster.stop()
    }

    /// Its own niceness, and its session's where the kernel has that; the same for both.
    private func priority(of process: Int64) throws -> Int32? {
        let own = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(process))
        guard let text = try? String(contentsOfFile: "/proc/\(process)/autogroup", encoding: .utf8),
            let session = text.split(separator: " ").last.flatMap({ Int32($0.dropLast()) })
        else { return own }
        return own == session ? own : nil
    }

    @Test func `a directory is free at once, whoever still has a copy of the lock`() throws {
        let place = try ClusterDirectory(TestCluster.makeDirectory(), user: nil)
        try place.prepare()
        let lock = try place.lock()
        #expect(throws: PrivateClusterError.self) { try place.lock() }
        let copy = dup(lock)
        defer { close(copy) }
        ClusterDirectory.unlock(lock)
        ClusterDirectory.unlock(try place.lock())
    }

    @Test func `the end of a recovery is waited for`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        try await run("CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (42)", first.url)
        await first.stop()
        let data = directory + "/postgresql/data"
        // It then replays until it is told to stop, and accepts reads.
        try Data().write(to: URL(fileURLWithPath: data + "/standby.signal"))
        let starting = Task { try await TestCluster.startPrivateCluster(in: directory) }
        try await eventually("it accepts reads") {
            do {
                try await run("SELECT 1", first.url)
            } catch let error as DatabaseError {
                return error.state == .readOnlySQLTransaction
            }
            return false
        }
        try Data().write(to: URL(fileURLWithPath: data + "/promote"))
        let file = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)
        kill(try #require(file.split(separator: "\n").first.flatMap { Int32($0) }), SIGUSR1)
        let second = try await starting.value
        #expect(try await number("SELECT n FROM kept", second.url) == 42)
        await second.stop()
    }

    @Test func `a large log is moved while the server writes on, and only once`() async throws {
        let directory = try TestCluster.makeDirectory()
        let cluster = try await TestCluster.startPrivateCluster(in: directory)
        let place = try ClusterDirectory(directory, user: nil)
        try await run("DO $$ BEGIN RAISE LOG 'before'; END $$", cluster.administratorURL)
        let size = place.logSize
        #expect(size > 0)
        place.limitLog(to: size)
        #expect(place.logSize == size, "it is not too large")
        place.limitLog(to: size - 1)
        #expect(place.logSize == 0)
        try await run("DO $$ BEGIN RAISE LOG 'after'; END $$", cluster.administratorURL)
        #expect(ClusterDirectory.read(place.log + ".old")?.contains("before") == true)
        #expect(ClusterDirectory.read(place.log)?.contains("after") == true)
        #expect(ClusterDirectory.read(place.log)?.contains("\0") == false, "the server appends")
        await cluster.stop()
    }

    @Test func `a directory too deep for a socket gets one elsewhere`() async throws {
        let directory =
            try TestCluster.makeDirectory() + "/" + String(repeating: "deep/", count: 20)
            + "it's 100%, \"so\""
        let cluster = try await TestCluster.startPrivateCluster(in: directory)
        #expect(try await number("SELECT 1::bigint", cluster.url) == 1)
        #expect(PrivateCluster.runningURL(directory: directory) == cluster.url)
        await cluster.stop()
    }

    @Test func `a directory that is not a cluster is left alone`() async throws {
        let directory = try TestCluster.makeDirectory()
        try FileManager.default.createDirectory(
            atPath: directory + "/postgresql/data", withIntermediateDirectories: true)
        await #expect {
            _ = try await TestCluster.startPrivateCluster(in: directory)
        } throws: {
            ($0 as? PrivateClusterError)?.kind == .directory
        }
        // The lock was let go of: the next attempt gets as far as this one.
        await #expect {
            _ = try await TestCluster.startPrivateCluster(in: directory)
        } throws: {
            ($0 as? PrivateClusterError)?.kind == .directory
        }
    }

    @Test func `a cluster of a version that is not installed names its package`() async throws {
        let directory = try TestCluster.makeDirectory()
        try FileManager.default.createDirectory(
            atPath: directory + "/postgresql/data", withIntermediateDirectories: true)
        try "14\n".write(toFile: directory + "/postgresql/data/PG_VERSION", atomically: true, encoding: .utf8)
        await #expect {
            _ = try await TestCluster.startPrivateCluster(in: directory)
        } throws: {
            ($0 as? PrivateClusterError)?.description.contains("postgresql-14") == true
        }
    }

    @Test func `a server that cannot start says why`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        await first.stop()
        let settings = directory + "/postgresql/data/postgresql.conf"
        let handle = try #require(FileHandle(forWritingAtPath: settings))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("\nshared_preload_libraries = 'not_there'\n".utf8))
        try handle.close()
        await #expect {
            _ = try await TestCluster.startPrivateCluster(in: directory)
        } throws: {
            ($0 as? PrivateClusterError)?.description.contains("not_there") == true
        }
    }
}
