// Seals over the events: they follow by themselves, and what is changed afterwards is found.

import ClinicMessages
import PostgreSQL
import RPC
import TestWaiting
import Testing

@Suite struct SealTests {
    /// What somebody who owns the tables can do to the trail, and how many seals do not fit then.
    private static let forgeries: [(name: String, script: String)] = [
        ("a changed event", "update clinic.event set actor_id = 1 where method = 'second'"),
        ("a removed event", "delete from clinic.event where method = 'second'"),
        (
            "an added event",
            """
            insert into clinic.event (sequence, transaction_number, method, entity, entity_id, change)
            select sequence + 5000, transaction_number, 'forged', 'user', 1, '{}' from clinic.event where method = 'second'
            """
        ),
        ("a removed seal", "delete from clinic.event_seal where number = 2"),
        ("a changed seal", "update clinic.event_seal set events = events + 1 where number = 1"),
    ]

    private func number(_ clinic: TestClinic, _ query: String) async throws -> Int64 {
        var row = try await clinic.database.read(Statement(query))[0]
        return try row.int64()
    }

    /// Writes an event, and waits until it is sealed.
    private func seal(_ method: String, _ clinic: TestClinic) async throws {
        _ = try await clinic.database.write(
            Statement(
                """
                insert into clinic.event (method, entity, entity_id, change)
                values ($1, 'user', 1, '{"a": "é"}')
                """), [.text(method)])
        try await eventually("a seal over it") {
            try await number(
                clinic,
                """
                select count(*) from clinic.event join clinic.event_seal
                    on (transaction_number, sequence) <= (last_transaction_number, last_sequence)
                    and (transaction_number, sequence) >= (first_transaction_number, first_sequence)
                where method = '\(method)'
                """) == 1
        }
    }

    private func violations(_ administrator: Session) async throws -> Int64? {
        try await administrator.call(AdminServiceMethods.checkConsistency, CheckConsistencyRequest()).checks
            .first { $0.name == "SEAL_BROKEN" }?.violations
    }

    @Test(arguments: forgeries.map(\.name))
    func `every event is sealed, and a forgery breaks the chain`(name: String) async throws {
        let script = try #require(Self.forgeries.first { $0.name == name }?.script)
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            for method in ["first", "second", "third"] { try await seal(method, clinic) }
            #expect(try await violations(administrator) == 0)
            let covered = try await number(clinic, "select sum(events)::bigint from clinic.event_seal")
            #expect(try await number(clinic, "select count(*) from clinic.event") >= covered)

            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                // The owner can take back the rights that it gave up.
                try connection.execute(
                    """
                    grant update, delete on clinic.event, clinic.event_seal to current_user;
                    do $$ declare part text; begin
                        for part in select inhrelid::regclass::text from pg_inherits
                            where inhparent = 'clinic.event'::regclass loop
                            execute 'grant update, delete on ' || part || ' to current_user';
                        end loop;
                    end $$;
                    \(script)
                    """)
            }
            #expect(try await violations(administrator) ?? 0 >= 1)
        }
    }
}
