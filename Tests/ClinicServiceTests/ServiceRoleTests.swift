// The role that serves: it can do what calls need, which all tests of this target prove, and nothing to what it wrote.

import PostgreSQL
import TestCluster
import Testing

@testable import ClinicStore

@Suite(.serialized) struct ServiceRoleTests {
    /// Runs SQL as the role that serves; the error's code, or nil.
    private func refusal(_ sql: String, _ url: String) async throws -> String? {
        do {
            try await AdminConnection.withConnection(url: url) { try $0.execute(sql) }
            return nil
        } catch let error as DatabaseError {
            return error.state.map { "\($0)" }
        }
    }

    @Test func `every table has its rights, and no role but the owner has more`() async throws {
        try await withClinic { clinic in
            let tables = try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                let rows = try connection.query(
                    """
                    select relname::text from pg_class
                    where relnamespace = 'clinic'::regnamespace and relkind in ('r', 'p') and not relispartition
                    """)
                var names: [String] = []
                for var row in rows { names.append(try row.text()) }
                return names
            }
            #expect(Set(ServiceRole.rights.flatMap(\.tables)) == Set(tables))
        }
    }

    @Test func `what was written cannot be altered, and nothing can be made`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let url = TestCluster.serviceURL(of: clinic.databaseURL)
            for sql in [
                "update clinic.event set actor_id = 7", "delete from clinic.event", "truncate clinic.event",
                "delete from clinic.event_00000", "delete from clinic.ledger_entry",
                "update clinic.ledger_entry set amount = 1", "delete from clinic.access_log",
                "update clinic.access_log set actor_id = 7", "delete from clinic.event_seal",
                "insert into clinic.event_seal values (99, now(), 1, 1, 1, 1, 1, '')",
                "delete from clinic.booking", "delete from clinic.transaction",
                "update clinic.settings set currency = 'JPY'", "drop table clinic.event_00000",
                "select clinic.drop_archived_partition(0, 0, 0)", "create table clinic.mine (k int)",
                "create table public.mine (k int)", "create schema mine",
                "create temporary table mine (k int)",
                "alter table clinic.event disable trigger all",
            ] {
                #expect(try await refusal(sql, url) == "42501", "\(sql)")
            }
            // What the owner lends keeps its own bounds.
            #expect(try await refusal("select clinic.forget_access_log(0, 0, 100)", url) == nil)
            _ = patient
        }
    }

    @Test func `a role that serves starts once the owner has migrated, and not before`() async throws {
        let url = try await TestCluster.makeDatabase()
        let service = TestCluster.serviceURL(of: url)
        await #expect(throws: MigrationError.self) {
            try await ClinicSchema.open(url: service, logger: TestCluster.logger)
        }
        let owner = try await ClinicSchema.open(url: service, ownerURL: url, logger: TestCluster.logger)
        await owner.close()
        let schema = try await ClinicSchema.open(url: service, logger: TestCluster.logger)
        #expect(!schema.servesAsOwner)
        await schema.close()
        try await AdminConnection.withConnection(url: url) { connection in
            try connection.execute("delete from clinic.schema_migration where version > 10")
        }
        await #expect(throws: MigrationError.incomplete(applied: 10, known: ClinicSchema.migrations.count)) {
            try await ClinicSchema.open(url: service, logger: TestCluster.logger)
        }
    }
}
