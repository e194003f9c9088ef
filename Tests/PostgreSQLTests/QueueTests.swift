// The queue of a pool and its admission control: bounded in length and time, and cancellation empties it.

import PostgreSQL
import TestCluster
import TestWaiting
import Testing

struct QueueTests {
    private static let table = "CREATE TABLE t (k bigint PRIMARY KEY)"
    private static let insert = Statement("INSERT INTO t (k) VALUES ($1)")

    @Test func `a full queue refuses at once and serves what it accepted`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) { $0.queueLimit = 10 }
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<10 {
                writers.append(.immediate { _ = try await database.write(Self.insert, [.int64(Int64(key))]) })
            }
            let error = await failure { _ = try await database.write(Self.insert, [.int64(10)]) }
            #expect(error?.kind == .queueFull)
            #expect(error?.category == .exhausted)
            _ = try await database.read(Statement("SELECT 1"))
        }
        for writer in writers { try await writer.value }
        #expect(try await number("SELECT count(*) FROM t", url) == 10)
        await database.close()
    }

    @Test
    func `a queue that drains too slowly is not admitted to until it drains, and serves what it accepted`()
        async throws
    {
        let (database, url) = try await makeDatabase(script: Self.table) {
            $0.batchLimit = 1
            $0.longestWait = .milliseconds(100)
            $0.outageTolerance = .seconds(60)
        }
        var writers: [Task<Void, any Error>] = []
        try await whileLocked(url) { key in
            let slow = Statement("INSERT INTO t SELECT $1 FROM \(Self.pace(key))")
            func write() {
                let key = Int64(writers.count)
                writers.append(.immediate { _ = try await database.write(slow, [.int64(key)]) })
            }
            for _ in 0..<100 { write() }
            // As soon as the pace is known: the last of them waits two seconds.
            try await eventually("rejection") { !database.admits(.writes) }
            #expect(database.admits(.reads))
            #expect(database.statistics.writes.refused == 1)
            // What has begun may go on.
            write()
        }
        try await eventually("admission") { database.admits(.writes) }
        #expect(database.statistics.writes.waiting < 50)
        for writer in writers { try await writer.value }
        #expect(try await number("SELECT count(*) FROM t", url) == 101)
        #expect(database.admits(.writes))
        await database.close()
    }

    @Test func `point reads are admitted beside a queue of other reads, and the other way round`()
        async throws
    {
        let (database, url) = try await makeDatabase(script: Self.table) {
            $0.batchLimit = 1
            $0.readConnections = 2
            $0.longestWait = .milliseconds(100)
            $0.outageTolerance = .seconds(60)
        }
        for (full, free) in [(Database.Pool.reads, Database.Pool.pointReads), (.pointReads, .reads)] {
            var readers: [Task<Void, any Error>] = []
            try await whileLocked(url) { key in
                let alone = "SELECT $1::bigint FROM \(Self.pace(key))"
                let statement =
                    full == .reads
                    ? Statement(alone)
                    : Statement(
                        alone,
                        batched: "SELECT call, $1[call] FROM generate_subscripts($1, 1) AS call, "
                            + Self.pace(key, of: "$1[call]"))
                readers = (0..<100).map { reader in
                    .immediate { _ = try await database.read(statement, [.int64(Int64(reader))]) }
                }
                try await eventually("rejection") { !database.admits(full) }
                #expect(database.admits(free))
            }
            for reader in readers { try await reader.value }
        }
        await database.close()
    }

    /// A source of one row that takes 20 ms, and beyond the first few, by which the pace is known, until a lock is free:
    /// a queue of them is not over before a busy machine has looked at it.
    private static func pace(_ lock: Int64, of number: String = "$1") -> String {
        "pg_sleep(0.02) WHERE \(number) < 5 OR (SELECT true FROM pg_advisory_xact_lock_shared(\(lock)))"
    }

    @Test func `a burst is admitted while the server takes nothing for a moment`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) {
            $0.longestWait = .milliseconds(1)
            $0.outageTolerance = .seconds(60)
        }
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<300 {
                #expect(database.admits(.writes))
                writers.append(.immediate { _ = try await database.write(Self.insert, [.int64(Int64(key))]) })
            }
        }
        for writer in writers { try await writer.value }
        #expect(database.admits(.writes))
        await database.close()
    }

    @Test func `a batch of callers is admitted however large it is`() async throws {
        let (database, _) = try await makeDatabase(script: Self.table) { $0.longestWait = .zero }
        let batch = StatementBatch()
        let writers = (Int64(0)..<300).map { key in
            #expect(database.admits(.writes))
            return Submission(database, Self.insert, [.int64(key)], to: .writes, in: batch)
        }
        batch.flush()
        for writer in writers { _ = try await writer.rows }
        await database.close()
    }

    @Test func `nothing is admitted while the server takes nothing for long`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) {
            $0.longestWait = .seconds(60)
            $0.outageTolerance = .milliseconds(50)
        }
        var writer: Task<Void, any Error>?
        try await whileWritesWait(database, url) {
            // Only what waits can tell.
            #expect(database.admits(.writes))
            writer = .immediate { _ = try await database.write(Self.insert, [.int64(1)]) }
            try await eventually("rejection") { !database.admits(.writes) }
        }
        try await writer?.value
        #expect(database.admits(.writes))
        await database.close()
    }

    @Test func `a caller who gives up leaves the queue and nothing is written`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) { $0.queueLimit = 2 }
        var kept: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for round in 0..<5 {
                let first = Task.immediate { _ = try await database.write(Self.insert, [.int64(1)]) }
                let second = Task.immediate { _ = try await database.write(Self.insert, [.int64(2)]) }
                first.cancel()
                second.cancel()
                for task in [first, second] {
                    let error = await failure { try await task.value }
                    #expect(error?.kind == .cancelled, "round \(round)")
                }
            }
            kept.append(.immediate { _ = try await database.write(Self.insert, [.int64(3)]) })
        }
        for task in kept { try await task.value }
        #expect(try await number("SELECT sum(k)::bigint FROM t", url) == 3)
        await database.close()
    }

    @Test func `a task that was cancelled before sends nothing`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            _ = try await database.write(Self.insert, [.int64(1)])
        }
        task.cancel()
        let error = await failure { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(try await number("SELECT count(*) FROM t", url) == 0)
        await database.close()
    }

    @Test func `a short write that was sent ends as if its caller had waited`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) { $0.cancelDelay = .seconds(60) }
        let slow = Statement("INSERT INTO t SELECT $1 FROM pg_sleep(0.1)")
        let task = Task.immediate { _ = try await database.write(slow, [.int64(1)]) }
        task.cancel()
        try await task.value
        #expect(try await number("SELECT count(*) FROM t", url) == 1)
        await database.close()
    }

    @Test func `closing waits for what was accepted and refuses what comes later`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        let writers = (0..<300).map { key in
            Task.immediate { _ = try await database.write(Self.insert, [.int64(key)]) }
        }
        await database.close()
        let error = await failure { _ = try await database.write(Self.insert, [.int64(1_000)]) }
        #expect(error?.kind == .unavailable)
        for writer in writers { try await writer.value }
        #expect(try await number("SELECT count(*) FROM t", url) == 300)
        await database.close()
    }

    @Test func `a statement that takes too long is ended by the server`() async throws {
        let (database, _) = try await makeDatabase { $0.statementTimeout = .milliseconds(100) }
        let error = await failure { _ = try await database.read(Statement("SELECT pg_sleep(10)")) }
        #expect(error?.category == .timedOut)
        await database.close()
    }
}
