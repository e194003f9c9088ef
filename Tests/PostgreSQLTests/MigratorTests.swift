// The migrator: once, twice, two at once, and against databases that are not what it expects.

import PostgreSQL
import TestCluster
import TestWaiting
import Testing

struct MigratorTests {
    private static let list = [
        Migration(
            version: 1, name: "people", sql: "CREATE TABLE person (id bigint); CREATE INDEX ON person (id)"),
        Migration(
            version: 2, name: "function",
            sql:
                "CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; /* ; */ RETURN 2; END $$"
        ),
        Migration(version: 3, name: "beds", sql: "CREATE TABLE bed (id bigint); INSERT INTO bed VALUES (1)"),
    ]

    private func migrate(_ list: [Migration], _ url: String) async throws(MigrationError) -> Int {
        try await Migrator(schema: "ward", migrations: list, logger: TestCluster.logger).migrate(url: url)
    }

    @Test func `what is missing is applied, and nothing twice`() async throws {
        let url = try await TestCluster.makeDatabase()
        #expect(try await migrate(Array(Self.list.prefix(2)), url) == 2)
        #expect(try await migrate(Self.list, url) == 1)
        #expect(try await migrate(Self.list, url) == 0)
        #expect(
            try await number(
                "SELECT count(*) FROM ward.schema_migration WHERE name = 'beds' AND version = 3", url)
                == 1)
        #expect(try await number("SELECT count(*) FROM bed", url) == 1)
    }

    @Test func `two daemons may start at once`() async throws {
        let url = try await TestCluster.makeDatabase()
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await migrate(Self.list, url) } }
            return try await group.reduce(0, +)
        }
        #expect(applied == 3)
        #expect(try await number("SELECT count(*) FROM bed", url) == 1)
    }

    @Test func `an edited migration is noticed`() async throws {
        let url = try await TestCluster.makeDatabase()
        _ = try await migrate(Self.list, url)
        var edited = Self.list
        edited[1] = Migration(version: 2, name: "function", sql: edited[1].sql + " ")
        await #expect(throws: MigrationError.changed(version: 2, applied: "function", known: "function")) {
            try await migrate(edited, url)
        }
        var inserted = Self.list
        inserted[0] = Migration(version: 1, name: "new", sql: "SELECT 1")
        await #expect(throws: MigrationError.changed(version: 1, applied: "people", known: "new")) {
            try await migrate(inserted, url)
        }
    }

    @Test func `a newer database is left alone`() async throws {
        let url = try await TestCluster.makeDatabase()
        _ = try await migrate(Self.list, url)
        await #expect(throws: MigrationError.newer(applied: 3, known: 2)) {
            try await migrate(Array(Self.list.prefix(2)), url)
        }
    }

    @Test func `an older program serves a newer schema that says so`() async throws {
        let url = try await TestCluster.makeDatabase()
        let serving = Migration(
            version: 4, name: "expand", sql: "-- oldest program: V3\nALTER TABLE bed ADD ward bigint")
        #expect(try await migrate(Self.list + [serving], url) == 4)
        #expect(try await migrate(Self.list, url) == 0)
        await #expect(throws: MigrationError.newer(applied: 4, known: 2)) {
            try await migrate(Array(Self.list.prefix(2)), url)
        }
        let contracting = Migration(version: 5, name: "contract", sql: "ALTER TABLE bed DROP id")
        #expect(try await migrate(Self.list + [serving, contracting], url) == 1)
        await #expect(throws: MigrationError.newer(applied: 5, known: 4)) {
            try await migrate(Self.list + [serving], url)
        }
        // A list that was edited is not served, whatever comes after it.
        try await run("UPDATE ward.schema_migration SET oldest_program = 1", url)
        #expect(try await migrate(Self.list, url) == 0)
        await #expect(throws: MigrationError.changed(version: 1, applied: "people", known: "new")) {
            try await migrate([Migration(version: 1, name: "new", sql: "SELECT 1")], url)
        }
    }

    @Test func `a database that was migrated by a program before that is migrated on`() async throws {
        let url = try await TestCluster.makeDatabase()
        _ = try await migrate(Array(Self.list.prefix(2)), url)
        try await run("ALTER TABLE ward.schema_migration DROP oldest_program", url)
        #expect(try await migrate(Self.list, url) == 1)
    }

    @Test func `a migration that waits for a long read lets other reads through`() async throws {
        let url = try await TestCluster.makeDatabase()
        _ = try await migrate(Self.list, url)
        let alter = Migration(version: 4, name: "wards", sql: "ALTER TABLE bed ADD ward bigint")
        let reader = try await connect(url) { $0.readConnections = 1 }
        var long: Task<Void, any Error>?
        var migrating: Task<Int, any Error>?
        try await whileLocked(url) { key in
            // Reads the table for as long as it is made to wait.
            long = Task.immediate {
                _ = try await reader.read(
                    Statement("SELECT pg_advisory_xact_lock_shared($1) FROM bed"), [.int64(key)])
            }
            let blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            try await eventually("the long read waits") { try await number(blocked, url) >= 1 }
            migrating = Task { try await migrate(Self.list + [alter], url) }
            for _ in 0..<2 {
                try await eventually("the migration waits") {
                    try await number(
                        "SELECT count(*) FROM pg_locks WHERE relation = 'bed'::regclass AND NOT granted", url)
                        == 1
                }
                // It gets its turn, although the long read goes on.
                try await run("SET lock_timeout = '60s'; SELECT count(*) FROM bed", url)
            }
        }
        try await long?.value
        #expect(try await migrating?.value == 1)
        await reader.close()
    }

    @Test func `the migration lock ends with its transaction`() async throws {
        let url = try await TestCluster.makeDatabase()
        let held =
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            + "(SELECT oid FROM pg_database WHERE datname = current_database())"
        let (during, after) = try await AdminConnection.withConnection(url: url) { connection in
            func count() throws -> Int64 {
                var row = try connection.query(held)[0]
                return try row.int64()
            }
            let during = try Migrator.withLock(url: url) { () throws(MigrationError) in
                try MigrationError.wrapping { () throws(DatabaseError) in
                    var row = try connection.query(held)[0]
                    return try row.int64()
                }
            }
            return (during, try count())
        }
        #expect(during == 1)
        #expect(after == 0)
    }

    @Test func `a migration that fails leaves nothing of itself`() async throws {
        let url = try await TestCluster.makeDatabase()
        var list = Self.list
        list[2] = Migration(version: 3, name: "broken", sql: "CREATE TABLE bed (id bigint); SELECT nonsense")
        do throws(MigrationError) {
            _ = try await migrate(list, url)
            Issue.record("no error was thrown")
        } catch {
            #expect(error.description.contains("migration 3 (broken) failed and was undone"))
            #expect(error.description.contains("nonsense"))
        }
        #expect(try await number("SELECT count(*) FROM ward.schema_migration", url) == 2)
        #expect(try await migrate(Self.list, url) == 1)
    }

    @Test func `a migration that ends its own transaction is not taken for applied`() async throws {
        let url = try await TestCluster.makeDatabase()
        let list = [Migration(version: 1, name: "cheat", sql: "CREATE TABLE x (id bigint); ROLLBACK")]
        await #expect(throws: MigrationError.self) { try await migrate(list, url) }
    }

    @Test func `a gap in the versions is refused, and so are twins`() async throws {
        let url = try await TestCluster.makeDatabase()
        await #expect(throws: MigrationError.misnumbered(version: 3, expected: 2)) {
            try await migrate([Self.list[0], Self.list[2]], url)
        }
        await #expect(throws: MigrationError.misnumbered(version: 2, expected: 3)) {
            try await migrate([Self.list[0], Self.list[1], Self.list[1]], url)
        }
    }

    @Test(arguments: [
        ("V001__people.sql", 1), ("V012__two__parts.sql", 12), ("001__people.sql", nil),
        ("V1_people.sql", nil),
        ("Vone__people.sql", nil), ("V001__people.txt", nil),
    ])
    func `the name of a file says which version it is`(name: String, version: Int?) {
        #expect(Migration(fileName: name, sql: "")?.version == version)
    }

    @Test func `functions are replaced each time, and may name tables that come later`() async throws {
        let url = try await TestCluster.makeDatabase()
        for answer in 1...2 {
            let function = """
                CREATE OR REPLACE FUNCTION ward.answer() RETURNS bigint LANGUAGE sql AS
                $$ SELECT \(answer) + count(*) FROM ward.bed $$
                """
            _ = try await Migrator(
                schema: "ward", functions: [function],
                migrations: [
                    Migration(
                        version: 1, name: "beds",
                        sql: "CREATE TABLE ward.bed (id bigint DEFAULT ward.answer())")
                ], logger: TestCluster.logger
            ).migrate(url: url)
            #expect(try await number("SELECT ward.answer()", url) == Int64(answer))
        }
    }
}
