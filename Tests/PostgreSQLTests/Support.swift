// What the driver's tests have in common.

import Foundation
import PostgreSQL
import TestCluster
import TestWaiting
import Testing

/// A `Database` on a new, empty test database.
func makeDatabase(
    script: String = "", _ change: (inout DatabaseConfiguration) -> Void = { _ in }
) async throws -> (database: Database, url: String) {
    let url = try await TestCluster.makeDatabase()
    if !script.isEmpty { try await run(script, url) }
    return (try await connect(url, change), url)
}

func connect(
    _ url: String, _ change: (inout DatabaseConfiguration) -> Void = { _ in }
) async throws -> Database {
    var configuration = DatabaseConfiguration(url: url)
    // Longer than a busy machine makes anybody wait.
    configuration.lockTimeout = .seconds(60)
    configuration.statementTimeout = .seconds(120)
    // So that it is known what waits for what.
    configuration.writeConnections = 1
    change(&configuration)
    let database = Database(configuration: configuration, logger: TestCluster.logger)
    try await database.start()
    return database
}

/// The outcome of a statement that was submitted without a task.
struct Submission {
    let handle: SubmittedStatement
    private let outcomes: AsyncStream<Result<Rows, DatabaseError>>

    init(
        _ database: Database, _ statement: Statement, _ parameters: [SQLValue] = [], to pool: Database.Pool,
        affinityKey: Int64? = nil, fairnessKey: UInt64? = nil, in batch: StatementBatch? = nil
    ) {
        let (outcomes, continuation) = AsyncStream<Result<Rows, DatabaseError>>.makeStream()
        self.outcomes = outcomes
        handle = database.submit(
            statement, parameters, to: pool, affinityKey: affinityKey, fairnessKey: fairnessKey, in: batch
        ) { result, _ in continuation.yield(result) }
    }

    /// The rows, once they are there.
    var rows: Rows {
        get async throws {
            for await outcome in outcomes { return try outcome.get() }
            throw CancellationError()
        }
    }

    /// The first column of the first row.
    var number: Int64 {
        get async throws {
            var row = try await rows[0]
            return try row.int64()
        }
    }
}

/// Runs a script on a connection of its own.
func run(_ script: String, _ url: String) async throws {
    try await AdminConnection.withConnection(url: url) { try $0.execute(script) }
}

/// The single number a query on a connection of its own answers.
func number(_ sql: String, _ url: String) async throws -> Int64 {
    try await AdminConnection.withConnection(url: url) { connection in
        var row = try connection.query(sql)[0]
        return try row.int64()
    }
}

/// Holds an advisory lock, on a connection of its own, while the body runs with its key.
func whileLocked(_ url: String, _ body: (_ key: Int64) async throws -> Void) async throws {
    let key = Int64.random(in: 1...Int64.max)
    let holder = try await connect(url) { $0.readConnections = 1 }
    _ = try await holder.write(Statement("SELECT pg_advisory_lock($1)"), [.int64(key)])
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(key)) } catch { outcome = .failure(error) }
    _ = try await holder.write(Statement("SELECT pg_advisory_unlock($1)"), [.int64(key)])
    await holder.close()
    try outcome.get()
}

/// Keeps the write connection busy while the body runs, so that what is written meanwhile has to queue.
func whileWritesWait(
    _ database: Database, _ url: String, _ body: () async throws -> Void
) async throws {
    var blocked: Task<Void, any Error>?
    try await whileLocked(url) { key in
        blocked = Task.immediate {
            _ = try await database.write(Statement("SELECT pg_advisory_xact_lock($1)"), [.int64(key)])
        }
        try await eventually("the write waits for the lock") {
            try await number(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
                    + "((classid::bigint << 32) | objid::bigint) = \(key)", url) == 1
        }
        try await body()
    }
    try await blocked?.value
}

/// The error a statement ends with; records an issue if it succeeds.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> DatabaseError? {
    do {
        try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
        return nil
    } catch let error as DatabaseError {
        return error
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
        return nil
    }
}
