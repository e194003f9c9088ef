// Events always have a partition, and history cannot be changed in any.

import PostgreSQL
import TestCluster
import Testing

struct EventPartitionTests {
    private static let partitions = """
        select inhrelid::regclass::text from pg_inherits where inhparent = 'clinic.event'::regclass order by inhrelid
        """

    @Test func `partitions are made ahead of the events, and nothing is made twice`() async throws {
        let opened = try await OpenedDatabase()
        let before = try await opened.texts(Self.partitions)
        try await administer(opened.url, "select setval('clinic.event_sequence', 35000000)")
        let add = Statement("select clinic.add_event_partitions(2)::text")
        _ = try await opened.database.write(add)
        let after = try await opened.texts(Self.partitions)
        #expect(Set(after).isSuperset(of: before))
        #expect(after.contains { $0.hasSuffix("event_00005") })
        _ = try await opened.database.write(add)
        #expect(try await opened.texts(Self.partitions) == after)
        await opened.close()
    }

    @Test func `an event beyond all partitions is refused and not collected elsewhere`() async throws {
        let opened = try await OpenedDatabase()
        await #expect(throws: DatabaseError.self) {
            try await administer(
                opened.url,
                """
                insert into clinic.event (sequence, method, entity, entity_id, change)
                values (9000000000000, 'm', 'thing', 1, '{}')
                """)
        }
        await opened.close()
    }

    @Test func `no partition lets its events be changed or deleted`() async throws {
        let opened = try await OpenedDatabase()
        try await administer(
            opened.url,
            "insert into clinic.event (method, entity, entity_id, change) values ('m', 'thing', 1, '{}')")
        for table in ["event"] + (try await opened.texts(Self.partitions)) {
            let name = table.split(separator: ".").last ?? ""
            for change in ["update clinic.\(name) set method = 'n'", "delete from clinic.\(name)"] {
                await #expect(throws: DatabaseError.self, "\(change)") {
                    try await administer(opened.url, change)
                }
            }
        }
        await opened.close()
    }
}
