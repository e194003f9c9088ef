// A transaction that somebody leaves open anywhere in the PostgreSQL server.

import ClinicMessages
import ClinicService
import PostgreSQL
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct OpenTransactionTests {
    @Test func `administrators see all changes, and its age is told`() async throws {
        let elsewhere = try await TestCluster.makeDatabase()
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            try await withWriters(1, elsewhere) { writers in
                try await writers[0].run("begin; select pg_current_xact_id()")
                let patient = try await clinic.signUp()
                for newestFirst in [false, true] {
                    let events = try await administrator.call(
                        AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(newestFirst: newestFirst)
                    ).auditEvents
                    #expect(events.map { $0.entityID }.contains(patient.userID))
                }
                try await eventually("the age of the transaction is told") {
                    clinic.database.statistics.oldestTransactionAge >= .seconds(1)
                }
                try await writers[0].run("commit")
            }
        }
    }

    @Test func `events of a rare method are found without a look at the others`() async throws {
        let url = try await TestCluster.makeDatabase()
        let others = 20_000
        let rare = "clinic.v1.UserService/EraseUser"
        try await withClinic(databaseURL: url) { clinic in
            let administrator = try await clinic.administrator()
            try await AdminConnection.withConnection(url: url) { connection in
                try connection.execute(
                    """
                    insert into clinic.event (method, entity, entity_id, change)
                    select case when number % 10000 = 1 then '\(rare)' else 'common' end, 'thing', number, '{}'
                    from generate_series(1, \(others)) as number;
                    \(TestClinic.sealWithoutReading)
                    """)
            }
            for newestFirst in [false, true] {
                let events = try await administrator.call(
                    AdminServiceMethods.listAuditEvents,
                    ListAuditEventsRequest(method: rare, newestFirst: newestFirst)
                ).auditEvents
                let numbers: [Int64] = newestFirst ? [10_001, 1] : [1, 10_001]
                #expect(events.map { $0.entityID } == numbers)
            }
        }
        // Each connection has reported what it read, since it has ended with the clinic.
        let read = try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(
                """
                select ((select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where relname like 'event%')
                    + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where relname like 'event%'))::bigint
                """)[0]
            return try row.int64()
        }
        #expect(read < Int64(others) / 2)
    }
}
