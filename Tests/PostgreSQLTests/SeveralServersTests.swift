// A URL with several hosts, of which one is the primary: all forms and orders lead to it, and a host that is dead, silent or a
// standby costs a limited time.

import Foundation
import Glibc
import Synchronization
import TestCluster
import TestWaiting
import Testing

@testable import PostgreSQL

struct SeveralServersTests {
    private static let insert = Statement("INSERT INTO t VALUES ($1)")
    private static let table = "CREATE TABLE t (k bigint)"

    /// Checks that a database can be migrated, written and read by a URL.
    private func expectService(_ url: String, key: Int64) async throws {
        try await run("SELECT count(*) FROM t", url)
        let database = try await connect(url)
        _ = try await database.write(Self.insert, [.int64(key)])
        var row = try await database.read(Statement("SELECT count(*) FROM t WHERE k = $1"), [.int64(key)])[0]
        #expect(try row.int64() == 1)
        await database.close()
    }

    @Test func `every form of target_session_attrs and every order of hosts leads to the primary`()
        async throws
    {
        let primary = try await TestServer.makePrimary()
        let standby = try await primary.makeStandby()
        try await run(Self.table, TestServer.url(of: primary))
        let forms =
            ["", "&target_session_attrs=any", "&target_session_attrs=read-write"]
            + ["&target_session_attrs=primary", "&target_session_attrs=prefer-standby"]
        var key: Int64 = 0
        for form in forms {
            for url in [
                TestServer.url(of: primary, standby, parameters: form),
                TestServer.url(of: standby, primary, parameters: form),
            ] {
                key += 1
                try await expectService(url, key: key)
            }
        }
        // What the database has as its default does not matter either.
        try await primary.administer("ALTER DATABASE clinic SET default_transaction_read_only = on")
        try await expectService(TestServer.url(of: standby, primary, parameters: forms[2]), key: 100)
        let error = await failure { try await run("SELECT 1", TestServer.url(of: standby)) }
        #expect(error?.state == .readOnlySQLTransaction && error?.category == .unavailable)
        try await standby.stop()
        try await primary.stop()
    }

    @Test(arguments: ["standby", "read-only"])
    func `a URL that asks for a standby is refused with what to do`(attribute: String) async throws {
        let url = "postgresql://h/x?target_session_attrs=\(attribute)"
        let error = await failure { _ = try await connect(url) }
        #expect(error?.kind == .unusable)
        #expect(error?.reason.contains("target_session_attrs=\(attribute)") == true)
    }

    @Test func `a first host that accepts and says nothing costs the time of one attempt, once`() async throws
    {
        let primary = try await TestServer.makePrimary()
        try await run(Self.table, TestServer.url(of: primary))
        let silent = try SilentSocket()
        let url = TestServer.url(of: primary, parameters: "&connect_timeout=2")
            .replacing("host=", with: "host=\(silent.directory),")
        try await expectService(url, key: 1)
        // The first attempt found it silent; who connects later goes to the primary first.
        #expect(silent.accepted == 1)
        let control = await failure {
            try await run(
                "SELECT 1", "postgresql://clinic@/clinic?host=\(silent.directory)&connect_timeout=2")
        }
        #expect(control?.kind == .unavailable)
        silent.close()
        try await primary.stop()
    }

    @Test func `a primary that hangs beside a standby that answers is left for it`() async throws {
        let primary = try await TestServer.makePrimary()
        try await run(Self.table, TestServer.url(of: primary))
        let standby = try await primary.makeStandby()
        let database = try await connect(TestServer.url(of: standby, primary)) {
            $0.silenceTolerance = .milliseconds(200)
            $0.probeTimeout = .milliseconds(500)
        }
        _ = try await database.write(Self.insert, [.int64(1)])
        let hung = TestCluster.hang(try #require(primary.process))
        let waiting = Task { _ = try await database.write(Self.insert, [.int64(2)]) }
        try await standby.promote()
        try await eventually("a write") { (try? await database.write(Self.insert, [.int64(3)])) != nil }
        _ = try? await waiting.value
        await database.close()
        hung.resume()
        try await primary.stop("immediate")
        try await standby.stop()
    }
}

/// A primary that was replaced and comes back.
struct FormerPrimaryTests {
    private static let insert = Statement("INSERT INTO t VALUES ($1)")

    /// Runs the body with a database on a primary that has been promoted, and its predecessor, which runs again.
    private func afterFailover(
        checksTimeline: Bool,
        _ body: (Database, _ former: TestServer, _ primary: TestServer) async throws -> Void
    ) async throws {
        let former = try await TestServer.makePrimary()
        try await run("CREATE TABLE t (k bigint)", TestServer.url(of: former))
        let primary = try await former.makeStandby()
        let database = try await connect(TestServer.url(of: former, primary)) {
            $0.checksTimeline = checksTimeline
        }
        _ = try await database.write(Self.insert, [.int64(1)])
        try await former.stop("immediate")
        try await primary.promote()
        try await eventually("a write") { (try? await database.write(Self.insert, [.int64(2)])) != nil }
        try await former.start()
        try await body(database, former, primary)
        await database.close()
        try await former.stop()
        try await primary.stop()
    }

    private func rows(_ server: TestServer) async throws -> Int64 {
        try await server.count("SELECT count(*) FROM t WHERE k > 2")
    }

    @Test func `it gets no connection and no row, even where it is the only one`() async throws {
        try await afterFailover(checksTimeline: true) { database, former, primary in
            try await primary.stop()
            let error = await failure { try await run("SELECT 1", TestServer.url(of: former)) }
            #expect(error?.state == .readOnlySQLTransaction)
            #expect(error?.reason.contains("former primary") == true)
            for key in 3...5 {
                let error = await failure { _ = try await database.write(Self.insert, [.int64(Int64(key))]) }
                #expect(error?.category == .unavailable || error?.category == .outcomeUnknown)
            }
            #expect(try await rows(former) == 0)
            try await primary.start()
            try await eventually("a write") { (try? await database.write(Self.insert, [.int64(6)])) != nil }
            #expect(try await rows(former) == 0)
            #expect(try await rows(primary) == 1)
        }
    }

    @Test func `without the fence, what is acknowledged goes to it`() async throws {
        try await afterFailover(checksTimeline: false) { database, former, primary in
            try await primary.stop()
            try await eventually("a write") { (try? await database.write(Self.insert, [.int64(3)])) != nil }
            #expect(try await rows(former) == 1)
            try await primary.start()
        }
    }

    @Test func `a primary that was never gone is left once another is seen`() async throws {
        let former = try await TestServer.makePrimary()
        try await run("CREATE TABLE t (k bigint)", TestServer.url(of: former))
        let primary = try await former.makeStandby()
        let database = try await connect(TestServer.url(of: former, primary))
        _ = try await database.write(Self.insert, [.int64(1)])
        // As after a partition: the old one serves on.
        try await primary.promote()
        try await eventually("no connection to the former primary") {
            try await former.count(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clinicd' AND usename = 'clinic'"
            ) == 0
        }
        try await eventually("a write") { (try? await database.write(Self.insert, [.int64(3)])) != nil }
        #expect(try await rows(former) == 0)
        #expect(try await rows(primary) == 1)
        await database.close()
        try await former.stop()
        try await primary.stop()
    }

    @Test func `the highest timeline of each cluster counts, and is kept as text`() {
        var seen = SeenTimelines()
        func admits(_ system: String, _ timeline: Int) -> Bool {
            seen.admits(TimelinePosition(system: system, timeline: timeline)).isAdmitted
        }
        #expect(admits("1", 2) && admits("1", 2) && admits("1", 4))
        #expect(!admits("1", 3))
        #expect(admits("2", 1))
        var later = SeenTimelines()
        later.take(seen.text + "nonsense\n3 x\n4\n")
        #expect(later.highest == ["1": 4, "2": 1])
        later.take("1 3\n")
        #expect(later.highest["1"] == 4)
    }
}

/// A Unix socket at the place of a PostgreSQL that accepts connections and never says anything.
private final class SilentSocket: Sendable {
    let directory: String
    private let descriptor: Int32
    private let peers = Counter()

    init() throws {
        directory = try TestCluster.makeDirectory()
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = listener
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = directory + "/.s.PGSQL.5432"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isBound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(listener, 64) == 0 else { throw CocoaError(.fileWriteUnknown) }
        let peers = peers
        Foundation.Thread.detachNewThread {
            while accept(listener, nil, nil) >= 0 { _ = peers.next() }
        }
    }

    /// How many connections it has accepted.
    var accepted: Int { peers.next() - 1 }

    func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// Counts from 1.
private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
