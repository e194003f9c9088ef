// What happens when connections, or the whole server, go away: nothing acknowledged is lost, nobody waits
// longer than a second, and it comes back by itself.

import Foundation
import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// What the writers and readers under fire were told.
private final class Tally: Sendable {
    struct State {
        var lastKey: Int64 = 0
        var written: Set<Int64> = []
        var unknown: Set<Int64> = []
        var reads = 0
        var isOver = false
    }
    let state = Mutex(State())

    var isOver: Bool { state.withLock { $0.isOver } }

    func nextKey() -> Int64 {
        state.withLock { state in
            state.lastKey += 1
            return state.lastKey
        }
    }
}

struct OutageTests {
    private static let table = "CREATE TABLE t (k bigint PRIMARY KEY)"
    private static let insert = Statement("INSERT INTO t (k) VALUES ($1)")
    private static let count = "SELECT count(*) FROM t"

    @Test func `connections ended under load lose nothing that was acknowledged`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) { $0.outageTolerance = .seconds(10) }
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    while !tally.isOver {
                        let key = tally.nextKey()
                        do throws(DatabaseError) {
                            _ = try await database.write(Self.insert, [.int64(key)])
                            tally.state.withLock { _ = $0.written.insert(key) }
                        } catch {
                            #expect(error.kind == .outcomeUnknown)
                            tally.state.withLock { _ = $0.unknown.insert(key) }
                        }
                    }
                }
            }
            for _ in 0..<16 {
                group.addTask {
                    while !tally.isOver {
                        var row = try await database.read(Statement("SELECT $1::bigint"), [.int64(5)])[0]
                        #expect(try row.int64() == 5)
                        tally.state.withLock { $0.reads += 1 }
                    }
                }
            }
            do {
                defer { tally.state.withLock { $0.isOver = true } }
                for _ in 0..<8 {
                    let before = tally.state.withLock { ($0.written.count, $0.reads) }
                    try await eventually("more writes and reads") {
                        tally.state.withLock { $0.written.count > before.0 + 50 && $0.reads > before.1 + 50 }
                    }
                    #expect(try await TestCluster.terminateConnections(of: url) > 0)
                }
            }
            try await group.waitForAll()
        }
        await database.close()
        let keys = try await AdminConnection.withConnection(url: url) { connection in
            try connection.query("SELECT k FROM t").map { row in
                var row = row
                return try row.int64()
            }
        }
        let (written, unknown) = tally.state.withLock { ($0.written, $0.unknown) }
        #expect(written.subtracting(keys).isEmpty, "acknowledged and lost")
        #expect(Set(keys).subtracting(written).subtracting(unknown).isEmpty, "refused and written")
    }

    @Test func `only a write whose commit was under way has an unknown outcome`() async throws {
        let cluster = try await TestCluster.startPrivateCluster()
        try await run(Self.table, cluster.url)
        let database = try await connect(cluster.url) {
            $0.outageTolerance = .seconds(20)
            $0.statementTimeout = .zero
            $0.readConnections = 1
        }
        let slow = Statement("INSERT INTO t SELECT $1 FROM pg_sleep(60)")
        let sent = Task.immediate { _ = try await database.write(slow, [.int64(1)]) }
        let queued = Task.immediate { _ = try await database.write(Self.insert, [.int64(2)]) }
        let read = Task.immediate { _ = try await database.read(Statement("SELECT pg_sleep(0.5)")) }
        var backend: Int64 = 0
        try await eventually("the slow write runs") {
            backend = try await number(
                "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query LIKE 'INSERT%' AND state = 'active'",
                cluster.url)
            return backend > 0
        }
        // Not asked to end but killed: the server restarts all of itself and says good-bye to nobody.
        kill(pid_t(backend), SIGKILL)
        let error = await failure { try await sent.value }
        #expect(error?.kind == .outcomeUnknown)
        try await read.value
        // It was not sent when the server died. Only if it was sent again before the server had noticed its
        // loss may it be lost once more.
        var expected: Set<Int64> = [2]
        do { try await queued.value } catch let error as DatabaseError {
            #expect(error.kind == .outcomeUnknown)
            expected.insert(0)
        }
        #expect(expected.contains(try await number("SELECT coalesce(sum(k), 0)::bigint FROM t", cluster.url)))
        await database.close()
        await cluster.stop()
    }

    @Test func `a write the server refused to go on with is repeated`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table + "; CREATE SEQUENCE attempts") {
            $0.outageTolerance = .seconds(20)
            $0.statementTimeout = .zero
        }
        // The administrator ends the connection while the statement runs: it cannot have been committed.
        let slow = Statement(
            "INSERT INTO t SELECT $1 FROM pg_sleep(CASE nextval('attempts') WHEN 1 THEN 60 ELSE 0 END)")
        let writer = Task.immediate { _ = try await database.write(slow, [.int64(1)]) }
        try await eventually("the write runs") {
            try await number(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'INSERT%' AND state = 'active'",
                url) == 1
        }
        try await TestCluster.terminateConnections(of: url)
        try await writer.value
        #expect(try await number(Self.count, url) == 1)
        await database.close()
    }

    @Test func `statements are prepared again after a reconnect`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        for key in 0..<5 {
            _ = try await database.write(Self.insert, [.int64(Int64(key))])
            var row = try await database.read(Statement(Self.count))[0]
            #expect(try row.int64() == Int64(key + 1))
            try await TestCluster.terminateConnections(of: url)
        }
        await database.close()
    }

    @Test func `a stopped server is soon unavailable and comes back by itself`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        try await run(Self.table, first.url)
        let database = try await connect(first.url)
        _ = try await database.write(Self.insert, [.int64(1)])
        await first.stop()

        let clock = ContinuousClock()
        var error: DatabaseError?
        let patience = await clock.measure {
            error = await failure { _ = try await database.write(Self.insert, [.int64(2)]) }
        }
        #expect(error?.kind == .unavailable)
        #expect(patience < .seconds(10))
        let impatience = await clock.measure {
            for _ in 0..<100 {
                let error = await failure { _ = try await database.read(Statement(Self.count)) }
                #expect(error?.kind == .unavailable)
            }
        }
        #expect(impatience < .seconds(10))

        let second = try await TestCluster.startPrivateCluster(in: directory)
        #expect(second.url == first.url)
        try await eventually("an answer") { (try? await database.write(Self.insert, [.int64(3)])) != nil }
        try await eventually("a read") { (try? await database.read(Statement(Self.count))) != nil }
        #expect(try await number("SELECT sum(k)::bigint FROM t", second.url) == 4)
        await database.close()
        await second.stop()
    }

    @Test func `a queue that waits for a lost connection is admitted to`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        try await run(Self.table, first.url)
        let database = try await connect(first.url) {
            $0.batchLimit = 1
            $0.longestWait = .milliseconds(1)
            $0.outageTolerance = .seconds(600)
        }
        let slow = Statement("SELECT pg_sleep(0.1)")
        let readers = (0..<100).map { _ in Task.immediate { _ = try await database.read(slow) } }
        // It is known that the last of them has to wait for longer.
        try await eventually("rejection") { !database.admits(.reads) }
        await first.stop()
        try await eventually("admission") { database.admits(.reads) }
        #expect(database.statistics.reads.waiting > 0)
        let second = try await TestCluster.startPrivateCluster(in: directory)
        for reader in readers { try await reader.value }
        await database.close()
        await second.stop()
    }

    @Test func `a database that is not there is a clear error at the start`() async throws {
        let url = try await TestCluster.makeDatabase()
        let absent = url.replacing("/test_", with: "/absent_")
        let error = await failure { _ = try await connect(absent) }
        #expect(error?.kind == .unavailable)
        #expect(error?.reason.contains("absent_") == true)
        let nobody = await failure { _ = try await connect("postgresql:///x?host=/nonexistent") }
        #expect(nobody?.reason.contains("/nonexistent") == true)
        let nonsense = await failure { _ = try await connect("postgresql://u:secret@[h/") }
        #expect(nonsense?.kind == .unusable)
        #expect(nonsense?.description.contains("secret") == false)
    }
}
