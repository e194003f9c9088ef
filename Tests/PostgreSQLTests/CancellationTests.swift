// Cancellation: the statement ends soon, wherever it is, and no other caller notices.

import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// The keys that writers were told are written.
private final class Written: Sendable {
    let values = Mutex<[Int64]>([])
}

struct CancellationTests {
    private static let table = "CREATE TABLE t (k bigint PRIMARY KEY)"
    private static let insert = Statement("INSERT INTO t (k) VALUES ($1) RETURNING k")

    /// Statements like this that the server is at.
    private func active(_ pattern: String, _ url: String) async throws -> Int64 {
        try await number(
            """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                AND pid <> pg_backend_pid() AND query LIKE '\(pattern)'
            """, url)
    }

    @Test func `a read whose caller gives up ends at once and its statement soon after`() async throws {
        let (database, url) = try await makeDatabase()
        let read = Task.immediate { _ = try await database.read(Statement("SELECT pg_sleep(600)")) }
        try await eventually("the read runs") { try await active("SELECT pg_sleep%", url) == 1 }
        let start = ContinuousClock.now
        read.cancel()
        let error = await failure { try await read.value }
        #expect(error?.kind == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(10))
        try await eventually("the statement's end") {
            try await active("SELECT pg_sleep%", url) == 0
        }
        #expect(database.statistics.reads.cancelRequests >= 1)
        await database.close()
    }

    @Test func `a read without a task completes once, with its rows or as cancelled`() async throws {
        let (database, url) = try await makeDatabase { $0.readConnections = 1 }
        let (reports, continuation) = AsyncStream<DatabaseError.Kind?>.makeStream()
        func begin(_ sql: String) -> SubmittedStatement {
            database.submit(Statement(sql), [], to: .reads) { result, _ in
                switch result {
                case .success: continuation.yield(nil)
                case .failure(let error): continuation.yield(error.kind)
                }
            }
        }
        var iterator = reports.makeAsyncIterator()
        let done = begin("SELECT 1")
        #expect(await iterator.next() == .some(nil))
        done.cancel()
        let (slow, waiting) = (begin("SELECT pg_sleep(600), 2"), begin("SELECT 3"))
        for statement in [waiting, slow] {
            statement.cancel()
            #expect(await iterator.next() == .cancelled)
        }
        try await eventually("the statement's end") { try await active("SELECT pg_sleep(600), 2", url) == 0 }
        await database.close()
        _ = begin("SELECT 4")
        #expect(await iterator.next() == .unavailable)
        continuation.finish()
        #expect(await iterator.next() == .none)
    }

    @Test func `a read that waits behind a slow one is cancelled when its turn comes`() async throws {
        let (database, url) = try await makeDatabase { $0.readConnections = 1 }
        let slow = Task.immediate { _ = try await database.read(Statement("SELECT pg_sleep(0.7)")) }
        let unwanted = Task.immediate { _ = try await database.read(Statement("SELECT pg_sleep(600), 1")) }
        unwanted.cancel()
        #expect(await failure { try await unwanted.value }?.kind == .cancelled)
        try await slow.value
        try await eventually("the statement's end") {
            try await active("SELECT pg_sleep(600), 1", url) == 0
        }
        _ = try await database.read(Statement("SELECT 1"))
        await database.close()
    }

    @Test func `a write that waits for a lock ends soon after its caller gives up and its group goes on`()
        async throws
    {
        let (database, url) = try await makeDatabase(script: Self.table)
        let holder = try await connect(url) { $0.readConnections = 1 }
        _ = try await holder.write(Statement("SELECT pg_advisory_lock(7)"))
        let locked = Statement("WITH l AS (SELECT pg_advisory_xact_lock(7)) INSERT INTO t SELECT 1000 FROM l")
        var group: [Task<Int64, any Error>] = []
        var blocked: Task<Void, any Error>?
        try await whileWritesWait(database, url) {
            for key in 0..<20 {
                if key == 10 { blocked = .immediate { _ = try await database.write(locked) } }
                group.append(
                    .immediate {
                        var row = try await database.write(Self.insert, [.int64(Int64(key))])[0]
                        return try row.int64()
                    })
            }
        }
        try await eventually("the group waits") { try await active("WITH l AS%", url) == 1 }
        blocked?.cancel()
        for (key, task) in group.enumerated() { #expect(try await task.value == Int64(key)) }
        let error = await failure { try await blocked?.value }
        #expect(error?.kind == .cancelled)
        // Not by its lock_timeout, and no statement is counted as under way for ever.
        let writes = database.statistics.writes
        #expect(writes.cancelRequests >= 1)
        #expect(writes.retries >= 20)
        #expect(writes.inFlight == 0)
        #expect(try await active("WITH l AS%", url) == 0)
        #expect(try await number("SELECT count(*) FROM t", url) == 20)
        await holder.close()
        await database.close()
    }

    @Test func `hundreds of random cancellations of reads leave every other caller its own answer`()
        async throws
    {
        let (database, _) = try await makeDatabase {
            $0.cancelDelay = .milliseconds(1)
            $0.batchLimit = 8
        }
        let statement = Statement("SELECT $1::bigint, pg_sleep($2::bigint::float8 / 1000)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<40 {
                group.addTask {
                    for step in 0..<30 {
                        let value = Int64(caller * 1_000 + step)
                        // Half of them are slow enough to be met, and are given up.
                        let isUnwanted = (caller + step) % 2 == 0
                        let read = Task {
                            var row = try await database.read(
                                statement, [.int64(value), .int64(isUnwanted ? 30 : 1)])[0]
                            return try row.int64()
                        }
                        if isUnwanted {
                            try await Task.sleep(for: .milliseconds(Int.random(in: 0...15)))
                            read.cancel()
                            do { #expect(try await read.value == value) } catch let error as DatabaseError {
                                #expect(error.kind == .cancelled)
                            }
                        } else {
                            #expect(try await read.value == value)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(database.statistics.reads.cancelRequests > 0, "\(database.statistics.reads)")
        await database.close()
        #expect(database.statistics.reads.inFlight == 0)
    }

    @Test func `hundreds of random cancellations of writes leave the others written once`() async throws {
        let (database, url) = try await makeDatabase(script: "CREATE TABLE t (k bigint)") {
            $0.cancelDelay = .milliseconds(1)
            $0.batchLimit = 8
        }
        let slow = Statement(
            "INSERT INTO t (k) SELECT $1 FROM pg_sleep($2::bigint::float8 / 1000) RETURNING k")
        let written = Written()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<16 {
                group.addTask {
                    for step in 0..<16 {
                        let value = Int64(caller * 1_000 + step)
                        let isUnwanted = (caller + step) % 4 == 0
                        let write = Task {
                            var row = try await database.write(
                                slow, [.int64(value), .int64(isUnwanted ? 40 : 1)])[0]
                            return try row.int64()
                        }
                        if isUnwanted {
                            try await Task.sleep(for: .milliseconds(Int.random(in: 0...40)))
                            write.cancel()
                        }
                        do {
                            #expect(try await write.value == value)
                            written.values.withLock { $0.append(value) }
                        } catch let error as DatabaseError {
                            #expect(isUnwanted, "\(error)")
                            #expect(error.kind == .cancelled)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let kept = try await AdminConnection.withConnection(url: url) { connection in
            try connection.query("SELECT k FROM t").map { row in
                var row = row
                return try row.int64()
            }
        }
        // Acknowledged: there, once. Cancelled: not there.
        #expect(kept.sorted() == written.values.withLock { $0.sorted() })
        #expect(database.statistics.writes.cancelRequests > 0, "\(database.statistics.writes)")
        await database.close()
        #expect(database.statistics.writes.inFlight == 0)
    }
}
