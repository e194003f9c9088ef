// Batches: one commit for many writes, one round trip for many reads, and no statement fails for another's error.

import PostgreSQL
import TestCluster
import Testing

struct BatchTests {
    private static let table = "CREATE TABLE t (k bigint PRIMARY KEY, v text NOT NULL DEFAULT '')"
    private static let insert = Statement("INSERT INTO t (k) VALUES ($1)")
    /// Every row remembers the transaction that wrote it.
    private static let transactions = "SELECT count(DISTINCT xmin::text) FROM t"

    @Test func `what is written while a batch runs becomes one commit`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<64 {
                writers.append(.immediate { _ = try await database.write(Self.insert, [.int64(Int64(key))]) })
            }
        }
        for writer in writers { try await writer.value }
        #expect(try await number("SELECT count(*) FROM t", url) == 64)
        #expect(try await number(Self.transactions, url) == 1)
        await database.close()
    }

    @Test func `a batch is bounded`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table) { $0.batchLimit = 10 }
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<35 {
                writers.append(.immediate { _ = try await database.write(Self.insert, [.int64(Int64(key))]) })
            }
        }
        for writer in writers { try await writer.value }
        #expect(try await number(Self.transactions, url) == 4)
        await database.close()
    }

    @Test func `one failing write fails alone`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table + "; INSERT INTO t VALUES (7)")
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<20 {
                writers.append(.immediate { _ = try await database.write(Self.insert, [.int64(Int64(key))]) })
            }
        }
        for (key, writer) in writers.enumerated() {
            if key == 7 {
                let error = await failure { try await writer.value }
                #expect(error?.state == .uniqueViolation)
                #expect(error?.constraint == "t_pkey")
            } else {
                try await writer.value
            }
        }
        #expect(try await number("SELECT count(*) FROM t", url) == 20)
        await database.close()
    }

    @Test func `a commit that fails at its end fails the culprit alone`() async throws {
        let (database, url) = try await makeDatabase(
            script: """
                CREATE TABLE parent (k bigint PRIMARY KEY);
                CREATE TABLE child (k bigint CONSTRAINT to_parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                INSERT INTO parent SELECT generate_series(0, 9) EXCEPT SELECT 4;
                """)
        let insert = Statement("INSERT INTO child VALUES ($1)")
        var writers: [Task<Void, any Error>] = []
        try await whileWritesWait(database, url) {
            for key in 0..<10 {
                writers.append(.immediate { _ = try await database.write(insert, [.int64(Int64(key))]) })
            }
        }
        for (key, writer) in writers.enumerated() {
            if key == 4 {
                let error = await failure { try await writer.value }
                #expect(error?.state == .foreignKeyViolation)
                #expect(error?.constraint == "to_parent")
            } else {
                try await writer.value
            }
        }
        #expect(try await number("SELECT count(*) FROM child", url) == 9)
        await database.close()
    }

    @Test func `reads that fail do not fail others of their batch`() async throws {
        let (database, _) = try await makeDatabase { $0.readConnections = 1 }
        let statement = Statement("SELECT 100 / $1::bigint")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    if number % 10 == 0 {
                        let error = await failure { _ = try await database.read(statement, [.int64(0)]) }
                        #expect(error?.state == SQLState("22012"))
                    } else {
                        var row = try await database.read(statement, [.int64(Int64(number))])[0]
                        #expect(try row.int64() == Int64(100 / number))
                    }
                }
            }
            try await group.waitForAll()
        }
        await database.close()
    }

    @Test func `every caller gets its own answer`() async throws {
        let (database, _) = try await makeDatabase()
        let first = Statement("SELECT $1::bigint, 'first'")
        let second = Statement("SELECT 'second', $1::bigint")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<50 {
                group.addTask {
                    for step in 0..<40 {
                        let value = Int64(task * 1_000 + step)
                        if (task + step) % 2 == 0 {
                            var row = try await database.read(first, [.int64(value)])[0]
                            #expect(try row.int64() == value)
                        } else {
                            var row = try await database.write(second, [.int64(value)])[0]
                            #expect(try row.text() == "second")
                            #expect(try row.int64() == value)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        await database.close()
    }

    @Test func `two writes that deadlock both succeed`() async throws {
        let (database, url) = try await makeDatabase(
            script: Self.table + """
                ; INSERT INTO t SELECT generate_series(1, 2);
                CREATE SEQUENCE attempts;
                CREATE FUNCTION touch(first bigint, second bigint) RETURNS void LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM nextval('attempts'); -- not undone with the transaction
                    UPDATE t SET v = v || 'x' WHERE k = first;
                    PERFORM pg_sleep(0.1);
                    UPDATE t SET v = v || 'x' WHERE k = second;
                END $$;
                """
        ) { $0.writeConnections = 2 }
        let touch = Statement("SELECT touch($1, $2)")
        async let one = database.write(touch, [.int64(1), .int64(2)])
        async let two = database.write(touch, [.int64(2), .int64(1)])
        _ = try await (one, two)
        #expect(try await number("SELECT count(*) FROM t WHERE v = 'xx'", url) == 2)
        #expect(try await number("SELECT last_value FROM attempts", url) > 2, "they did not deadlock")
        await database.close()
    }

    @Test func `a statement that could not be prepared is prepared again`() async throws {
        let (database, url) = try await makeDatabase { $0.readConnections = 1 }
        let statement = Statement("SELECT k FROM later WHERE k = $1")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    let error = await failure { _ = try await database.read(statement, [.int64(1)]) }
                    #expect(error?.state == .undefinedTable)
                    #expect(error?.serverMessage?.contains("later") == true)
                    #expect(error?.description.contains("later") == false)
                }
            }
        }
        try await run("CREATE TABLE later (k bigint); INSERT INTO later VALUES (1)", url)
        var row = try await database.read(statement, [.int64(1)])[0]
        #expect(try row.int64() == 1)
        await database.close()
    }

    @Test func `a table may change shape under a prepared statement`() async throws {
        let (database, url) = try await makeDatabase(
            script: "CREATE TABLE t (a bigint); INSERT INTO t VALUES (1)"
        ) {
            $0.readConnections = 1
        }
        let statement = Statement("SELECT * FROM t")
        _ = try await database.read(statement)
        try await run("ALTER TABLE t ADD b text DEFAULT 'new'", url)
        var row = try await database.read(statement)[0]
        #expect(try row.int64() == 1)
        #expect(try row.text() == "new")
        await database.close()
    }

    @Test func `one statement takes parameters of different types`() async throws {
        let (database, _) = try await makeDatabase { $0.readConnections = 1 }
        let statement = Statement("SELECT $1")
        for number in 0..<10 {
            var first = try await database.read(statement, [.int64(Int64(number))])[0]
            #expect(try first.int64() == Int64(number))
            var second = try await database.read(statement, [.text("\(number)")])[0]
            #expect(try second.text() == "\(number)")
        }
        await database.close()
    }

    @Test func `nothing can be changed over a read connection`() async throws {
        let (database, _) = try await makeDatabase(script: Self.table)
        let error = await failure { _ = try await database.read(Self.insert, [.int64(1)]) }
        #expect(error?.state == .readOnlySQLTransaction)
        await database.close()
    }

    @Test func `a statement that opens a transaction affects no other`() async throws {
        let (database, url) = try await makeDatabase(script: Self.table)
        _ = try? await database.write(Statement("BEGIN"))
        for key in 0..<5 { _ = try await database.write(Self.insert, [.int64(Int64(key))]) }
        #expect(try await number("SELECT count(*) FROM t", url) == 5)
        await database.close()
    }

    @Test func `a missing parameter is an error of that call`() async throws {
        let (database, _) = try await makeDatabase(script: Self.table)
        let error = await failure { _ = try await database.write(Self.insert) }
        #expect(error?.category == .internal)
        _ = try await database.write(Self.insert, [.int64(1)])
        await database.close()
    }
}
