// PgBouncer between the driver and PostgreSQL: in session mode it is not noticed, and in transaction mode the start ends before
// anything is left in its pool.

import Foundation
import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

struct PoolerTests {
    @Test func `a direct connection is none of a pooler, and session mode is as good`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await PoolerCheck.run(url: url)
        try await withPooler(of: url, mode: "session") { pooled in
            try await PoolerCheck.run(url: pooled)
            let database = try await connect(pooled) {
                $0.statementTimeout = .seconds(77)
                $0.lockTimeout = .seconds(33)
            }
            var settings = try await database.read(
                Statement(
                    """
                    SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
                        current_setting('default_transaction_read_only'), current_setting('plan_cache_mode'),
                        current_setting('client_connection_check_interval'), current_setting('enable_seqscan')
                    """))[0]
            for expected in ["77s", "33s", "on", "force_generic_plan", "500ms", "off"] {
                #expect(try settings.text() == expected)
            }
            // Notifications arrive, so the directory is cached.
            let events = Mutex<[ChannelEvent]>([])
            try database.listen(to: "pooled") { event in events.withLock { $0.append(event) } }
            try await eventually("a proven connection") { database.statistics.isListening }
            try await run("NOTIFY pooled", url)
            try await eventually("the notification") { events.withLock { $0.contains(.notified) } }
            // A statement whose caller gives up is cancelled through the pooler.
            let slow = Submission(database, Statement("SELECT pg_sleep(600)"), to: .writes)
            try await eventually("it runs") { try await running(in: url) == 1 }
            slow.handle.cancel()
            try await eventually("it does not run") { try await running(in: url) == 0 }
            await database.close()
        }
    }

    private func running(in url: String) async throws -> Int64 {
        try await number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'
            """, url)
    }

    @Test(arguments: ["transaction", "statement"])
    func `a pooler that shares sessions is refused, and nothing stays in it`(mode: String) async throws {
        let url = try await TestCluster.makeDatabase()
        try await withPooler(of: url, mode: mode) { (pooled: String) async throws -> Void in
            let clock = ContinuousClock()
            var error: DatabaseError?
            let time = await clock.measure {
                error = await failure { try await PoolerCheck.run(url: pooled) }
            }
            #expect(error?.kind == .unusable)
            #expect(error?.reason.contains("pool_mode=session") == true)
            #expect(time < .seconds(20))
            #expect(
                try await number(
                    """
                    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                    WHERE locktype = 'advisory' AND datname = current_database()
                    """, url) == 0)
            #expect(
                try await number(
                    "SELECT length(coalesce(current_setting('clinic.pooler_check', true), ''))::bigint",
                    pooled) == 0)
        }
    }

    @Test func `a pooler with one connection is refused with what it lacks`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await withPooler(of: url, mode: "session", size: 1) { pooled in
            let error = await failure { try await PoolerCheck.run(url: pooled) }
            #expect(error?.kind == .unusable)
            #expect(error?.reason.contains("default_pool_size") == true)
        }
    }
}
