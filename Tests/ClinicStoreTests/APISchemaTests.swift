// Servers of neighbouring versions on one database: each has its functions, and those of a version go when its last server has
// gone, never before.

import ClinicStore
import PostgreSQL
import TestCluster
import TestWaiting
import Testing

struct APISchemaTests {
    /// Makes what another version would have: its schema with a type, a view and functions that need each other.
    private static func makeOther(_ name: String, on url: String) async throws {
        try await administer(
            url,
            """
            create schema \(name);
            set search_path = \(name), clinic;
            create function named(department) returns text language sql immutable as $$ select $1.name $$;
            create view department_view as select id, named(department) as name from clinic.department;
            create type outcome as (refusal text, result department_view);
            create function look() returns setof outcome language sql as
                $$ select null::text, department_view from department_view $$;
            """)
    }

    private let other = "clinic_api_0123456789ab"

    @Test func `another version's functions stay while a server holds them and go after it`() async throws {
        let first = try await OpenedDatabase()
        let url = first.url
        let ours = first.schema.searchPath[0]
        try await Self.makeOther(other, on: url)
        // What a server of that version does.
        var configuration = DatabaseConfiguration(url: url)
        configuration.searchPath = [other, "clinic", "pg_temp"]
        configuration.readConnections = 1
        configuration.writeConnections = 1
        let server = Database(configuration: configuration, logger: TestCluster.logger)
        try await server.start()
        _ = try await server.write(
            Statement("select pg_advisory_lock_shared(7412, hashtext($1))"), [.text(other)])

        let second = try await OpenedDatabase(url: url)
        #expect(try await apiSchemas(of: url) == [other, ours].sorted())
        // Both versions answer.
        #expect(try await server.read(Statement("select * from \(other).look()")).isEmpty)
        #expect(try await second.texts("select name from department_view").isEmpty)
        await second.close()

        await server.close()
        try await eventually("the other version's functions are dropped") {
            await (try OpenedDatabase(url: url)).close()
            return try await apiSchemas(of: url) == [ours]
        }
        // Ours were held all the time.
        #expect(try await first.texts("select name from department_view").isEmpty)
        await first.close()
    }

    @Test
    func `a server's own functions are dropped by nobody while it lives, and made again once they were`()
        async throws
    {
        let opened = try await OpenedDatabase()
        let ours = opened.schema.searchPath[0]
        let tries = "select pg_try_advisory_lock(7412, hashtext($1))::text"
        #expect(try await opened.texts(tries, [.text(ours)]) == ["false"])
        await opened.close()
        try await administer(opened.url, "drop schema \(ours) cascade")
        let next = try await OpenedDatabase(url: opened.url)
        #expect(next.schema.searchPath[0] == ours)
        #expect(try await apiSchemas(of: opened.url) == [ours])
        await next.close()
    }

    @Test func `a lost connection is made again and holds the functions again`() async throws {
        let opened = try await OpenedDatabase()
        let ours = opened.schema.searchPath[0]
        let holders = """
            select pid::text from pg_locks where locktype = 'advisory' and classid = 7412 and granted
            and database = (select oid from pg_database where datname = current_database())
            """
        let before = try await opened.texts(holders)
        #expect(before.count == 1)
        try await TestCluster.administer("select pg_terminate_backend($1::text::int)", [.text(before.first)])
        try await eventually("another connection holds them") {
            let now = try await opened.texts(holders)
            return now.count == 1 && now != before
        }
        #expect(try await apiSchemas(of: opened.url) == [ours])
        await opened.close()
    }

    @Test func `a table that depends on a version's function keeps it from being dropped`() async throws {
        let opened = try await OpenedDatabase()
        try await Self.makeOther(other, on: opened.url)
        try await administer(
            opened.url, "create table clinic.note (text text default \(other).named(null))")
        await #expect(throws: MigrationError.self) { _ = try await OpenedDatabase(url: opened.url) }
        #expect(try await apiSchemas(of: opened.url).contains(other))
        await opened.close()
    }

    @Test func `two servers may start at once`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { await (try OpenedDatabase(url: url)).close() }
            }
            try await group.waitForAll()
        }
        #expect(try await apiSchemas(of: url).count == 1)
    }
}
