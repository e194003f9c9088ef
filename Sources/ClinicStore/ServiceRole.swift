// What the role that serves may do where another role owns the tables. It cannot alter what it wrote: the audit trail, its
// seals, the ledger and the access log are there to be read and added to, and what makes or drops tables are functions of
// the owner.

internal import PostgreSQL

/// The rights of a role that serves and owns nothing.
enum ServiceRole {
    /// The tables of the schema clinic by what may be done with them.
    static let rights: [(verbs: String, tables: [String])] = [
        ("select", ["event_archive", "event_seal", "schema_migration", "settings"]),
        ("select, insert, delete", ["user_word"]),
        ("select, insert", ["access_log", "event", "ledger_entry"]),
        (
            "select, insert, update",
            ["booking", "department", "doctor", "time_off", "transaction", "user_account"]
        ),
        (
            "select, insert, update, delete",
            [
                "idempotency_key", "login_failure", "login_peer", "password_reset",
                "password_reset_request", "refresh_family", "signing_key",
            ]
        ),
    ]

    /// The functions that run with the rights of the owner.
    static let functions = [
        "add_event_partitions(bigint)", "analyze_outgrown_tables()",
        "forget_access_log(bigint, bigint, bigint)", "seal_events(bigint)",
    ]

    /// The role of a connection.
    static func name(on connection: AdminConnection) throws(DatabaseError) -> String {
        var row = try connection.query("select current_user::text")[0]
        return try row.text()
    }

    /// Whether the role of a connection owns the clinic's tables, or may make them.
    static func isOwner(_ connection: AdminConnection) throws(DatabaseError) -> Bool {
        var row = try connection.query(
            """
            select coalesce(
                (select pg_has_role(nspowner, 'USAGE') from pg_namespace where nspname = 'clinic'), true)
            """)[0]
        return try row.bool()
    }

    /// Gives a role its rights, as the owner. Called under the migration lock.
    static func grant(
        to role: String, _ schema: APISchema, on owner: AdminConnection
    ) throws(DatabaseError) {
        var row = try owner.query(
            """
            select quote_ident($1), quote_ident(datname), pg_has_role(datdba, 'USAGE')
            from pg_database where datname = current_database()
            """, [.text(role)])[0]
        let (name, database, ownsDatabase) = (try row.text(), try row.text(), try row.bool())
        let tables = rights.map { right in
            "grant \(right.verbs) on \(right.tables.map { "clinic.\($0)" }.joined(separator: ", ")) to \(name);"
        }
        let functions = functions.map { function in
            """
            revoke all on function clinic.\(function) from public;
            grant execute on function clinic.\(function) to \(name);
            """
        }
        try owner.transaction { () throws(DatabaseError) in
            try owner.execute(
                """
                grant usage on schema clinic, \(schema.name) to \(name);
                grant select on all tables in schema \(schema.name) to \(name);
                grant usage, select on all sequences in schema clinic to \(name);
                grant update on sequence clinic.keys_forgotten_until to \(name);
                \(tables.joined(separator: "\n"))
                \(functions.joined(separator: "\n"))
                """)
            if ownsDatabase {
                try owner.execute("revoke temporary on database \(database) from public")
            }
        }
    }
}
