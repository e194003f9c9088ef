// The queue in front of the connections: bounded, and a caller who gives up leaves it.

import PostgreSQL
import TestCluster
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
