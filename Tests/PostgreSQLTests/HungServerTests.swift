// A server that hangs (SIGSTOP): no connection breaks and no error comes, but no caller waits for long.

import Foundation
import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// What an observer was told last.
private final class Seen: Sendable {
    let isAvailable = Mutex<Bool?>(nil)
}

struct HungServerTests {
    @Test func `a stopped server counts as lost, and is back when it goes on`() async throws {
        let cluster = try await TestCluster.startPrivateCluster()
        try await run("CREATE TABLE t (k bigint PRIMARY KEY)", cluster.url)
        let database = try await connect(cluster.url) {
            $0.silenceTolerance = .milliseconds(300)
            $0.probeTimeout = .seconds(2)
            $0.connectTimeout = .seconds(2)
        }
        let seen = Seen()
        let observer = Task {
            for await now in database.availability() { seen.isAvailable.withLock { $0 = now } }
        }
        try await eventually("availability") { seen.isAvailable.withLock { $0 } == true }
        let insert = Statement("INSERT INTO t (k) VALUES ($1)")
        _ = try await database.write(insert, [.int64(1)])
        let slow = Task.immediate { _ = try await database.read(Statement("SELECT pg_sleep(600)")) }
        try await eventually("the read runs") { try await sleepers(cluster.url) == 1 }

        let server = TestCluster.hang(try #require(cluster.serverProcess))
        defer { server.resume() }
        #expect(server.processes.count > 4)
        let start = ContinuousClock.now
        // Sent, and nobody knows.
        let error = await failure { _ = try await database.write(insert, [.int64(2)]) }
        #expect(error?.kind == .outcomeUnknown)
        #expect(await failure { try await slow.value }?.kind == .unavailable)
        #expect(ContinuousClock.now - start < .seconds(60))
        try await eventually("no availability") { seen.isAvailable.withLock { $0 } == false }
        let impatience = await ContinuousClock().measure {
            for _ in 0..<10 {
                #expect(
                    await failure { _ = try await database.read(Statement("SELECT 1")) }?.kind == .unavailable
                )
                #expect(
                    await failure { _ = try await database.write(insert, [.int64(3)]) }?.kind == .unavailable)
            }
        }
        // Twenty calls that wait for no connection.
        #expect(impatience < .seconds(10))

        server.resume()
        try await eventually("availability again") { seen.isAvailable.withLock { $0 } == true }
        _ = try await database.write(insert, [.int64(4)])
        _ = try await database.read(Statement("SELECT 1"))
        try await eventually("the end of what was left behind") {
            try await sleepers(cluster.url) == 0
        }
        let kept = try await number("SELECT sum(k)::bigint FROM t", cluster.url)
        #expect([5, 7].contains(kept))
        #expect(database.statistics.writes.reconnects >= 1)
        observer.cancel()
        await database.close()
        await cluster.stop()
    }

    @Test(arguments: [ConnectionKind.reads, .writes])
    func `a connection whose process is stopped is replaced while the server answers others`(
        kind: ConnectionKind
    ) async throws {
        let (database, _) = try await makeDatabase {
            $0.readConnections = 1
            $0.silenceTolerance = .milliseconds(100)
            $0.probeTimeout = .seconds(20)
            $0.stuckTolerance = .milliseconds(600)
        }
        func process() async throws -> Int32 {
            let statement = Statement("SELECT pg_backend_pid()::bigint")
            let rows =
                kind == .reads ? try await database.read(statement) : try await database.write(statement)
            var row = rows[0]
            return Int32(truncatingIfNeeded: try row.int64())
        }
        let stopped = try await process()
        kill(stopped, SIGSTOP)
        defer { kill(stopped, SIGCONT) }
        // A read is sent again; nobody knows of a change whether it was made.
        if kind == .writes {
            #expect(await failure { _ = try await process() }?.kind == .outcomeUnknown)
        }
        #expect(try await process() != stopped)
        #expect(database.statistics.reads.reconnects == (kind == .reads ? 1 : 0))
        #expect(database.statistics.writes.reconnects == (kind == .writes ? 1 : 0))
        await database.close()
    }

    /// Which of a database's connections.
    enum ConnectionKind { case reads, writes }

    @Test func `a slow statement is not taken for a hung server`() async throws {
        let (database, _) = try await makeDatabase {
            $0.silenceTolerance = .milliseconds(50)
            $0.probeTimeout = .seconds(10)
        }
        for _ in 0..<2 {
            async let write = database.write(Statement("SELECT 1 FROM pg_sleep(0.5)"))
            _ = try await database.read(Statement("SELECT 2 FROM pg_sleep(0.5)"))
            _ = try await write
        }
        #expect(database.statistics.reads.reconnects == 0)
        #expect(database.statistics.writes.reconnects == 0)
        await database.close()
    }

    private func sleepers(_ url: String) async throws -> Int64 {
        try await number(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'",
            url)
    }
}
