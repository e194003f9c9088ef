// What a service makes of the server's codes (reliability.md keeps the table), and what an error must not
// show.

import PostgreSQL
import TestCluster
import Testing

struct ErrorTests {
    @Test(arguments: [
        ("23505", "duplicate", DatabaseError.Category.alreadyExists), ("23P01", "overlap", .alreadyExists),
        ("40001", "again", .conflict), ("55P03", "locked", .unavailable), ("57014", "slow", .timedOut),
        ("53300", "full", .exhausted), ("53100", "disk", .unavailable), ("25006", "standby", .unavailable),
        ("57P05", "going", .unavailable), ("08006", "line", .unavailable), ("22021", "bytes", .invalidValue),
        ("22P05", "bytes", .invalidValue), ("22003", "range", .invalidValue),
        ("22008", "range", .invalidValue),
        ("23514", "check", .internal), ("XX000", "bug", .internal),
    ])
    func `a code of the server belongs to its category`(
        code: String, secret: String, category: DatabaseError.Category
    ) async throws {
        let database = try await Self.database.value
        let error = await failure {
            _ = try await database.write(Statement("SELECT refuse($1, $2)"), [.text(code), .text(secret)])
        }
        #expect(error?.state == SQLState(code))
        #expect(error?.category == category)
        #expect(error?.description.contains(secret) == false)
        #expect(error.map { String(reflecting: $0).contains(secret) } == false)
    }

    private static let database = Task {
        try await makeDatabase(
            script: """
                CREATE FUNCTION refuse(code text, message text) RETURNS void LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = message; END $$;
                """
        ).database
    }

    @Test func `an error that quotes what was typed does not carry it`() async throws {
        let (database, _) = try await makeDatabase(script: "CREATE TABLE person (email text PRIMARY KEY)")
        let statement = Statement("INSERT INTO person VALUES ($1)")
        _ = try await database.write(statement, [.text("canary@example.org")])
        let error = try #require(
            await failure { _ = try await database.write(statement, [.text("canary@example.org")]) })
        var dumped = ""
        dump(error, to: &dumped)
        for text in ["\(error)", dumped, String(reflecting: error), error.serverMessage ?? ""] {
            #expect(!text.contains("canary"))
            #expect(!text.contains("INSERT"))
        }
        #expect(error.table == "person")
        await database.close()
    }
}
