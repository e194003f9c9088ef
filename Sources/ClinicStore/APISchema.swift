// The functions and views of the service live in a schema of their own, named by a digest of their texts. Servers of
// neighbouring versions use one database side by side, each with its own functions on the same tables.

internal import PostgreSQL

/// The schema of one version's functions and views.
struct APISchema: Sendable {
    /// `clinic_api_` and the first 12 hexadecimal digits of the SHA-256 digest of all texts.
    let name: String
    private let texts: [String]

    /// The schema of this program. The connection is asked for the digest.
    init(on connection: AdminConnection) throws(DatabaseError) {
        let files = SchemaFile.inOrderOfDependence(SchemaFile.all(in: "types", "views", "functions"))
        texts = files.map(\.text)
        var row = try connection.query(
            "select encode(sha256(convert_to($1, 'UTF8')), 'hex')", [.text(texts.joined())])[0]
        name = "clinic_api_" + (try row.text()).prefix(12)
    }

    /// What sessions of this version look unqualified names up in.
    var searchPath: [String] { [name, "clinic", "pg_temp"] }

    /// Keeps the schema from being dropped for as long as the session lasts.
    func hold(on connection: AdminConnection) throws(DatabaseError) {
        _ = try connection.query(
            "select pg_advisory_lock_shared(\(Self.lockClass), hashtext($1))", [.text(name)])
    }

    /// Whether the schema was created, by this role or another.
    func exists(on connection: AdminConnection) throws(DatabaseError) -> Bool {
        try !connection.query("select from pg_namespace where nspname = $1", [.text(name)]).isEmpty
    }

    /// Creates the schema with all that is in it, in one transaction, if it is not there. Called under the migration lock.
    func build(on connection: AdminConnection) throws(DatabaseError) {
        guard try !exists(on: connection) else { return }
        try connection.transaction { () throws(DatabaseError) in
            try connection.execute(
                "create schema \(name); set local search_path = \(searchPath.joined(separator: ", "))")
            for text in texts { try connection.execute(text) }
        }
    }

    /// Drops the schemas of other versions that no server holds; returns their names. Called under the migration lock.
    ///
    /// Each object is dropped by itself, those made last first, without CASCADE: were there a table that depends on one, this
    /// would fail and change nothing.
    static func dropUnheld(except kept: String, on connection: AdminConnection) throws(DatabaseError)
        -> [String]
    {
        let unheld = try connection.query(
            """
            select nspname::text from pg_namespace
            where nspname ~ '^clinic_api_[0-9a-f]{12}$' and nspname <> $1 and pg_has_role(nspowner, 'USAGE')
                and pg_try_advisory_lock(\(lockClass), hashtext(nspname::text))
            """, [.text(kept)])
        var names: [String] = []
        for row in unheld {
            var row = row
            names.append(try row.text())
        }
        for name in names {
            try connection.transaction { () throws(DatabaseError) in
                try connection.execute(
                    """
                    do $$
                    declare
                        object record;
                    begin
                        for object in
                            select identified.type, identified.identity
                            from pg_depend, pg_identify_object(classid, objid, 0) as identified
                            where refclassid = 'pg_namespace'::regclass and refobjid = '\(name)'::regnamespace
                                and deptype = 'n'
                            order by objid desc
                        loop
                            execute format('drop %s %s', object.type, object.identity);
                        end loop;
                        drop schema \(name);
                    end
                    $$
                    """)
            }
            _ = try connection.query(
                "select pg_advisory_unlock(\(lockClass), hashtext($1))", [.text(name)])
        }
        return names
    }

    /// The class of the advisory locks on the names of API schemas.
    private static let lockClass = 7412
}
