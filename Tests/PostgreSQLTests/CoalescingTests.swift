// Coalescing: one execution for many callers; each gets its own rows, and no other caller's error.

import PostgreSQL
import TestCluster
import Testing

struct CoalescingTests {
    private static let table = """
        CREATE TABLE t (k bigint PRIMARY KEY, v text);
        CREATE TABLE execution (callers bigint);
        CREATE FUNCTION keep(p_keys bigint[], p_values text[])
        RETURNS TABLE (call bigint, answer text) LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO execution VALUES (cardinality(p_keys));
            RETURN QUERY
            WITH kept AS (INSERT INTO t SELECT * FROM unnest(p_keys, p_values) RETURNING k, v)
            SELECT place, kept.v || ' is kept' FROM kept
            JOIN unnest(p_keys) WITH ORDINALITY AS given (key, place) ON key = k
            ORDER BY place;
        END $$;
        """
    private static let keep = Statement(
        "INSERT INTO t VALUES ($1, $2) RETURNING v || ' is kept alone'",
        batched: "SELECT call, answer FROM keep($1, $2)")

    private func keep(_ database: Database, _ keys: [Int64]) -> [Task<String, any Error>] {
        keys.map { key in
            .immediate {
                var row = try await database.write(Self.keep, [.int64(key), .text("value \(key)")])[0]
                return try row.text()
            }
        }
    }

    @Test func `callers who wait for the same statement share one execution`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        var writers: [Task<String, any Error>] = []
        try await whileWritesWait(database, url) {
            writers = keep(database, Array(0..<50))
        }
        for (key, writer) in writers.enumerated() {
            #expect(try await writer.value == "value \(key) is kept")
        }
        #expect(try await number("SELECT count(*) FROM execution WHERE callers = 50", url) == 1)
        await database.close()
    }

    @Test func `a single caller takes the single form`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        #expect(try await keep(database, [7])[0].value == "value 7 is kept alone")
        #expect(try await number("SELECT count(*) FROM execution", url) == 0)
        await database.close()
    }

    @Test func `of a batched execution that fails, only the statement at fault fails`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table + "; INSERT INTO t VALUES (7, '')")
        var writers: [Task<String, any Error>] = []
        try await whileWritesWait(database, url) {
            writers = keep(database, Array(0..<20))
        }
        for (key, writer) in writers.enumerated() {
            if key == 7 {
                #expect(await failure { _ = try await writer.value }?.state == .uniqueViolation)
            } else {
                #expect(try await writer.value == "value \(key) is kept alone")
            }
        }
        #expect(try await number("SELECT count(*) FROM t", url) == 20)
        await database.close()
    }

    @Test func `batched executions, single statements and other texts mix`() async throws {
        let (database, _) = try await makeDatabase(script: Self.table)
        let double = Statement(
            "SELECT 2 * $1::bigint",
            batched: "SELECT place, 2 * n FROM unnest($1) WITH ORDINALITY AS given (n, place)")
        let single = Statement("SELECT -$1::bigint")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for value in Int64(0)..<600 {
                group.addTask {
                    let isSingle = value % 3 == 0
                    var row = try await database.read(isSingle ? single : double, [.int64(value)])[0]
                    #expect(try row.int64() == (isSingle ? -value : 2 * value))
                }
            }
            try await group.waitForAll()
        }
        await database.close()
    }

    @Test func `callers get none, one or many rows, and values of all types and none at all`() async throws {
        let (database, _) = try await makeDatabase()
        let columns = "n, flag, word, bytes, moment, day, cardinality(shared)"
        let echo = Statement(
            """
            SELECT \(columns) FROM (SELECT $1::bigint AS n, $2::boolean AS flag, $3::text AS word, $4::bytea AS bytes,
                $5::timestamptz AS moment, $6::date AS day, $7::bigint[] AS shared) AS given, generate_series(1, n)
            """,
            batched: """
                SELECT call, \(columns) FROM (
                    SELECT *, $7::bigint[] AS shared
                    FROM unnest($1, $2, $3, $4, $5, $6)
                    WITH ORDINALITY AS given (n, flag, word, bytes, moment, day, call)
                ) AS given, generate_series(1, n) ORDER BY call
                """)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let isNull = number % 2 == 0
                    let word = "wörd \(number)"
                    let rows = try await database.read(
                        echo,
                        [
                            .int64(Int64(number % 4)), .bool(isNull ? nil : true),
                            .text(isNull ? nil : word), .bytes(isNull ? nil : [0, UInt8(number)]),
                            .timestamp(isNull ? nil : Int64(number)), .date(isNull ? nil : number),
                            // Callers with other arrays are not coalesced.
                            .int64Array(Array(repeating: 1, count: number % 5)),
                        ])
                    #expect(rows.count == number % 4)
                    for var row in rows {
                        #expect(try row.int64() == Int64(number % 4))
                        #expect(try row.optionalBool() == (isNull ? nil : true))
                        #expect(try row.optionalText() == (isNull ? nil : word))
                        #expect(try row.optionalBytes() == (isNull ? nil : [0, UInt8(number)]))
                        #expect(try row.optionalTimestamp() == (isNull ? nil : Int64(number)))
                        #expect(try row.optionalDate() == (isNull ? nil : number))
                        #expect(try row.int64() == Int64(number % 5))
                    }
                }
            }
            try await group.waitForAll()
        }
        await database.close()
    }

    @Test(arguments: ["place + 1", "3 - place", "NULL::bigint", "place::int"])
    func `a result that does not say whose it is goes to nobody`(place: String) async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        let wrong = Statement(
            "SELECT $1::bigint",
            batched: "SELECT \(place), n FROM unnest($1) WITH ORDINALITY AS given (n, place)"
        )
        var callers: [Task<Rows, any Error>] = []
        try await whileWritesWait(database, url) {
            callers = (1...2).map { number in
                .immediate { try await database.write(wrong, [.int64(Int64(number))]) }
            }
        }
        for caller in callers { #expect(await failure { _ = try await caller.value } != nil) }
        await database.close()
    }

    @Test func `writes with the same affinity key take one connection, and others the other`() async throws {
        let (database, _) = try await makeDatabase { $0.writeConnections = 2 }
        let process = Statement("SELECT pg_backend_pid()::bigint")
        var processes: [[Int64]] = [[], []]
        try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
            for number in 0..<200 {
                group.addTask {
                    var row = try await database.write(process, affinityKey: Int64(number - 100))[0]
                    return (abs(number % 2), try row.int64())
                }
            }
            for try await (side, process) in group { processes[side].append(process) }
        }
        #expect(Set(processes[0]).count == 1)
        #expect(Set(processes[1]).count == 1)
        #expect(processes[0][0] != processes[1][0])
        await database.close()
    }

    @Test func `point reads have the first connection for themselves`() async throws {
        let (database, _) = try await makeDatabase { $0.readConnections = 2 }
        let process = "SELECT pg_backend_pid()::bigint"
        let batched =
            "SELECT call, pg_backend_pid()::bigint FROM unnest($1) WITH ORDINALITY AS given (one, call)"
        let point = Statement(process + " + $1 - $1", batched: batched)
        let long = Statement(process + " + $1 - $1 + 0", batched: batched, isLong: true)
        let alone = Statement(process + " + 0 * $1")
        let batch = StatementBatch()
        let callers = [point, long, alone].map { statement in
            (0..<20).map { _ in
                Submission(database, statement, [.int64(0)], to: statement.readPool, in: batch)
            }
        }
        batch.flush()
        var processes: [Set<Int64>] = []
        for callers in callers {
            var seen: Set<Int64> = []
            for caller in callers { seen.insert(try await caller.number) }
            processes.append(seen)
        }
        #expect(processes.allSatisfy { $0.count == 1 })
        #expect(processes[1] == processes[2])
        #expect(processes[0] != processes[1])
        await database.close()
    }

    @Test func `a long queue for one connection delays no statement for the other`() async throws {
        let (database, url) = try await makeDatabase(script: "CREATE TABLE t (key bigint)") {
            $0.writeConnections = 2
            $0.batchLimit = 4
        }
        let insert = Statement("INSERT INTO t VALUES ($1)")
        var crowd: [Task<Void, any Error>] = []
        // The one that waits for a lock has taken the first.
        try await whileWritesWait(database, url) {
            for number in Int64(0)..<100 {
                crowd.append(
                    .immediate {
                        _ = try await database.write(insert, [.int64(number)], affinityKey: 0)
                    })
            }
            _ = try await database.write(insert, [.int64(-1)], affinityKey: 1)
            #expect(database.statistics.writes.waiting == 100)
        }
        for member in crowd { try await member.value }
        #expect(try await number("SELECT count(*) FROM t", url) == 101)
        await database.close()
    }

    @Test func `statements of one batch are sent together, and their completions share one wake-up`()
        async throws
    {
        let (database, _) = try await makeDatabase()
        let echo = Statement("SELECT $1::bigint")
        // Prepares it, and leaves the connection idle.
        _ = try await database.write(echo, [.int64(0)])
        let before = database.statistics.writes
        let (events, continuation) = AsyncStream<Int64>.makeStream()
        let batch = StatementBatch()
        for _ in 0..<2 {
            for number in Int64(1)...40 {
                database.submit(echo, [.int64(number)], to: .writes, in: batch) { result, completions in
                    guard case .success(let rows) = result, var row = rows.first else { return }
                    continuation.yield((try? row.int64()) ?? -1)
                    completions.afterwards(database) { continuation.yield(0) }
                }
            }
            #expect(database.statistics.writes.waiting == 40)
            batch.flush()
            var seen: [Int64] = []
            for await event in events {
                seen.append(event)
                if event == 0 { break }
            }
            #expect(seen == Array(1...40) + [0])
        }
        #expect(database.statistics.writes.batches == before.batches + 2)
        #expect(database.statistics.writes.statements == before.statements + 80)
        await database.close()
        continuation.finish()
        for await event in events { Issue.record("another event: \(event)") }
    }
}
