// What is done for the database outside of calls.

import ClinicStore
import PostgreSQL
import TestCluster
import TestWaiting
import Testing

@Suite struct HousekeepingTests {
    /// Keys that are older than a day.
    private static let oldKeys = """
        insert into clinic.idempotency_key (user_id, key, method, request_digest, response, created_at)
        select 1, 'old ' || number, 'm', ''::bytea, '{}', now() - interval '25 hours' + number * interval '1 millisecond'
        from generate_series(1, 4000) as number
        """

    /// How many entries of the index by age one step reads, which deletes 500 keys as `clinicd` does.
    private func entriesRead(_ connection: AdminConnection) throws -> Int64 {
        let count = "select pg_stat_get_xact_tuples_returned('clinic.idempotency_key_by_age'::regclass)"
        try connection.execute("begin")
        var before = try connection.query(count)[0]
        var step = try connection.query("select forgotten, forgotten_until from forget_keys(500)")[0]
        var after = try connection.query(count)[0]
        try connection.execute("commit")
        #expect(try step.int64() == 500)
        _ = try connection.query(
            "select setval('clinic.keys_forgotten_until', $1)", [.int64(try step.int64())])
        return try after.int64() - before.int64()
    }

    @Test func `deleting old keys reads no key twice while somebody holds an old snapshot`() async throws {
        let url = try await TestCluster.makeDatabase()
        let opened = try await ClinicSchema.open(url: url, logger: TestCluster.logger)
        // From here on nobody else deletes keys.
        await opened.close()
        let path = "set search_path = \(opened.searchPath.joined(separator: ", "))"
        try await withWriters(1, url) { writers in
            try await writers[0].run(Self.oldKeys)
            try await writers[0].run(
                "begin isolation level repeatable read; select count(*) from clinic.idempotency_key")
            let read = try await AdminConnection.withConnection(url: url) { connection in
                try connection.execute(path)
                return try (0..<8).map { _ in try entriesRead(connection) }
            }
            // Once to find where the step ends, and once to delete.
            #expect(read == Array(repeating: 1_000, count: 8))
            try await writers[0].run("commit")
        }
    }

    @Test func `of two servers one deletes old keys, and the other goes on when it has ended`() async throws {
        let url = try await TestCluster.makeDatabase()
        let first = try await ClinicSchema.open(url: url, logger: TestCluster.logger)
        let second = try await ClinicSchema.open(url: url, logger: TestCluster.logger)
        func holders() async throws -> Int64 {
            try await AdminConnection.withConnection(url: url) { connection in
                var row = try connection.query(
                    """
                    select count(*) from pg_locks
                    where locktype = 'advisory' and classid = 7411 and objid = 3
                        and database = (select oid from pg_database where datname = current_database())
                    """)[0]
                return try row.int64()
            }
        }
        func left() async throws -> Int64 {
            try await AdminConnection.withConnection(url: url) { connection in
                var row = try connection.query("select count(*) from clinic.idempotency_key")[0]
                return try row.int64()
            }
        }
        try await eventually("a server keeps house") { try await holders() == 1 }
        await first.close()
        try await AdminConnection.withConnection(url: url) { try $0.execute(Self.oldKeys) }
        try await eventually("the other server keeps house") { try await left() == 0 }
        #expect(try await holders() == 1)
        await second.close()
    }
}
