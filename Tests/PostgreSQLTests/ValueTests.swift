// Parameters in, columns out: every type in both directions, and everything that does not fit.

import PostgreSQL
import TestCluster
import Testing

struct ValueTests {
    @Test func `every type comes back as it went in`() async throws {
        let (database, _) = try await makeDatabase()
        let statement = Statement(
            """
            SELECT $1::bigint, $2::boolean, $3::text, $4::bytea, $5::timestamptz, $6::date, $7::bigint[], $8::text[]
            """)
        let text = "Zoë 👩‍⚕️ e\u{301}"
        for (number, time, day) in [
            (Int64.max, Int64(1_700_000_000_123_456), 20_000), (.min, -1, -1),
            (0, -62_135_596_800_000_000, -719_162),
        ] {
            let rows = try await database.read(
                statement,
                [
                    .int64(number), .bool(true), .text(text), .bytes([0, 255, 7]), .timestamp(time),
                    .date(day),
                    .int64Array([.min, 0, .max]), .textArray(["", text]),
                ])
            var row = try #require(rows.first)
            #expect(try row.int64() == number)
            #expect(try row.bool())
            #expect(try row.text().utf8.elementsEqual(text.utf8))
            #expect(try row.bytes() == [0, 255, 7])
            #expect(try row.timestamp() == time)
            #expect(try row.date() == day)
            #expect(try row.int64Array() == [.min, 0, .max])
            #expect(try row.textArray() == ["", text])
        }
        await database.close()
    }

    @Test func `PostgreSQL and the driver agree on what a time and a date mean`() async throws {
        let (database, _) = try await makeDatabase()
        let rows = try await database.read(
            Statement(
                "SELECT $1 = timestamptz '1970-01-01 00:00:01Z', $2 = date '1970-01-02', extract(epoch FROM $1)::int4"
            ),
            [.timestamp(1_000_000), .date(1)])
        var row = try #require(rows.first)
        #expect(try row.bool())
        #expect(try row.bool())
        #expect(try row.int64() == 1)
        await database.close()
    }

    @Test func `NULL goes in and comes out of every optional`() async throws {
        let (database, _) = try await makeDatabase()
        let rows = try await database.read(
            Statement("SELECT $1::bigint, $2::boolean, $3::text, $4::bytea, $5::timestamptz, $6::date"),
            [.int64(nil), .bool(nil), .text(nil), .bytes(nil), .timestamp(nil), .date(nil)])
        var row = try #require(rows.first)
        #expect(try row.optionalInt64() == nil)
        #expect(try row.optionalBool() == nil)
        #expect(try row.optionalText() == nil)
        #expect(try row.optionalBytes() == nil)
        #expect(try row.optionalTimestamp() == nil)
        #expect(try row.optionalDate() == nil)
        await database.close()
    }

    @Test func `smaller integers, empty arrays, json and names are read too`() async throws {
        let (database, _) = try await makeDatabase()
        let rows = try await database.read(
            Statement(
                """
                SELECT (-2)::smallint, 70000::integer, '{}'::bigint[], '{1,2}'::integer[], '{a}'::varchar[],
                       '{"a": 1}'::jsonb, '[1]'::json, 'n'::name, $1::bigint[] = '{}', $2::text[] = '{}'
                """), [.int64Array([]), .textArray([])])
        var row = try #require(rows.first)
        #expect(try row.int64() == -2)
        #expect(try row.int64() == 70_000)
        #expect(try row.int64Array() == [])
        #expect(try row.int64Array() == [1, 2])
        #expect(try row.textArray() == ["a"])
        #expect(try row.text() == "{\"a\": 1}")
        #expect(try row.text() == "[1]")
        #expect(try row.text() == "n")
        #expect(try row.bool())
        #expect(try row.bool())
        await database.close()
    }

    @Test func `a column that is not what the caller asks for is an error and no trap`() async throws {
        let (database, _) = try await makeDatabase()
        let rows = try await database.read(
            Statement(
                "SELECT NULL::bigint, 'x', 1.5::float8, 'infinity'::timestamptz, '{{1},{2}}'::bigint[], '{NULL}'::text[]"
            ))
        func expectDecodingError(_ column: Int, _ read: (inout Row) throws(DatabaseError) -> Void) {
            var row = rows[0]
            for _ in 0..<column { _ = try? row.optionalInt64() }
            #expect { try read(&row) } throws: { ($0 as? DatabaseError)?.kind == .decoding }
        }
        expectDecodingError(0) { row throws(DatabaseError) in _ = try row.int64() }
        expectDecodingError(1) { row throws(DatabaseError) in _ = try row.int64() }
        expectDecodingError(1) { row throws(DatabaseError) in _ = try row.bool() }
        expectDecodingError(2) { row throws(DatabaseError) in _ = try row.text() }
        expectDecodingError(3) { row throws(DatabaseError) in _ = try row.timestamp() }
        expectDecodingError(4) { row throws(DatabaseError) in _ = try row.int64Array() }
        expectDecodingError(5) { row throws(DatabaseError) in _ = try row.textArray() }
        expectDecodingError(6) { row throws(DatabaseError) in _ = try row.int64() }
        await database.close()
    }

    @Test func `a value PostgreSQL cannot hold is refused with the code for it`() async throws {
        let (database, _) = try await makeDatabase(script: "CREATE TABLE small (n smallint)")
        for (value, type, state) in [
            (SQLValue.timestamp(.min), "timestamptz", SQLState.datetimeFieldOverflow),
            (.timestamp(-220_000_000_000_000_000), "timestamptz", .datetimeFieldOverflow),
            (.date(.max), "date", .datetimeFieldOverflow),
            (.date(-3_000_000), "date", .datetimeFieldOverflow),
            (.text("a\0b"), "text", .characterNotInRepertoire),
        ] {
            let error = await failure {
                _ = try await database.read(Statement("SELECT $1::\(type)"), [value])
            }
            #expect(error?.state == state)
            #expect(error?.category == .invalidValue)
        }
        let error = await failure {
            _ = try await database.write(Statement("INSERT INTO small VALUES ($1)"), [.int64(40_000)])
        }
        #expect(error?.state == .numericValueOutOfRange)
        await database.close()
    }

    @Test func `an answer of several megabytes arrives whole`() async throws {
        let (database, _) = try await makeDatabase()
        let rows = try await database.read(
            Statement("SELECT n, repeat('x', 1000) FROM generate_series(1, $1) AS n"), [.int64(20_000)])
        #expect(rows.count == 20_000)
        var sum: Int64 = 0
        for var row in rows {
            sum += try row.int64()
            #expect(try row.text().utf8.count == 1_000)
        }
        #expect(sum == 20_000 * 20_001 / 2)
        await database.close()
    }

    @Test func `large parameters of many callers do not clog the connection`() async throws {
        let (database, _) = try await makeDatabase { $0.readConnections = 1 }
        let statement = Statement("SELECT $1::text, repeat('y', 200000)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let text = String(repeating: "\(number % 10)", count: 200_000)
                    var row = try await database.read(statement, [.text(text)])[0]
                    #expect(try row.text() == text)
                    #expect(try row.text().utf8.count == 200_000)
                }
            }
            try await group.waitForAll()
        }
        await database.close()
    }

    @Test func `the number of changed rows is told`() async throws {
        let (database, _) = try await makeDatabase(
            script: "CREATE TABLE t AS SELECT generate_series(1, 5) AS n")
        #expect(try await database.write(Statement("UPDATE t SET n = n + 1 WHERE n > 2")).affectedCount == 3)
        #expect(try await database.write(Statement("CREATE TABLE u (n int)")).affectedCount == 0)
        await database.close()
    }
}
