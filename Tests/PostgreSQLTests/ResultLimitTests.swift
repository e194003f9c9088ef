// No statement brings more into memory than the limit of its connection.

import PostgreSQL
import TestCluster
import Testing

@Suite struct ResultLimitTests {
    private static let rows = Statement(
        "select repeat('x', 1000) from generate_series(1, $1::bigint)",
        batched: """
            select call, repeat('x', 1000)
            from unnest($1) with ordinality as given (count, call), generate_series(1, count)
            order by call
            """)

    @Test func `a statement that returns more than the limit fails, and others of its batch do not`()
        async throws
    {
        let (database, _) = try await makeDatabase { configuration in
            configuration.resultLimit = 1 << 20
            configuration.readConnections = 1
        }
        let batch = StatementBatch()
        let small = (0..<3).map { _ in
            Submission(database, Self.rows, [.int64(10)], to: .pointReads, in: batch)
        }
        let large = Submission(database, Self.rows, [.int64(100_000)], to: .pointReads, in: batch)
        let other = Submission(database, Statement("select 7::bigint"), to: .reads, in: batch)
        batch.flush()
        for submission in small { #expect(try await submission.rows.count == 10) }
        #expect(try await other.number == 7)
        let error = await #expect(throws: DatabaseError.self) { try await large.rows }
        #expect(error?.kind == .resultTooLarge)
        #expect(error?.isRetryable == false)
        await database.close()
    }

    @Test func `the connection of a result over the limit is made again`() async throws {
        let (database, _) = try await makeDatabase { configuration in
            configuration.resultLimit = 1 << 20
            configuration.readConnections = 1
        }
        let error = await #expect(throws: DatabaseError.self) {
            try await database.read(Self.rows, [.int64(100_000)])
        }
        #expect(error?.kind == .resultTooLarge)
        #expect(try await database.read(Self.rows, [.int64(10)]).count == 10)
        #expect(database.statistics.reads.reconnects == 1)
        await database.close()
    }
}
