// Which keys the servers of a clinic sign tokens with. A server whose keys lack one of them would refuse what the others have
// signed, so it does not start.
public import PostgreSQL

/// Keys that servers of the clinic sign with, and that this server does not have.
public struct MissingSigningKeys: Error, Sendable, Hashable {
    /// Their ids.
    public let ids: [String]
}

/// Notes the keys that are signed with, by their ids.
public enum SigningKeyStore {
    /// Notes that a server signs with the first of its keys. Throws `MissingSigningKeys` when it lacks a key that was signed
    /// with last, or within the longest life of a session, and `DatabaseError`.
    public static func register(
        _ ids: [String], longestSession seconds: Int64, url: String
    ) async throws {
        guard let first = ids.first else { return }
        let missing = try await AdminConnection.withConnection(url: url) { connection in
            var missing: [String] = []
            try connection.transaction { () throws(DatabaseError) in
                // Of two servers that start at once with different keys, the second sees the key of the first.
                try connection.execute("lock table clinic.signing_key in exclusive mode")
                let rows = try connection.query(
                    """
                    select id from clinic.signing_key
                    where id <> all (string_to_array($1, ' ')) and (last_used_at > now() - make_interval(secs => $2::bigint)
                        or last_used_at = (select max(last_used_at) from clinic.signing_key))
                    order by id
                    """, [.text(ids.joined(separator: " ")), .int64(seconds)])
                for var row in rows { missing.append(try row.text()) }
                guard missing.isEmpty else { return }
                _ = try connection.query(
                    """
                    insert into clinic.signing_key (id) values ($1)
                    on conflict (id) do update set last_used_at = now()
                    """, [.text(first)])
            }
            return missing
        }
        guard missing.isEmpty else { throw MissingSigningKeys(ids: missing) }
    }

    private static let used = Statement(
        "update clinic.signing_key set last_used_at = now() where id = $1 returning id")

    /// Notes that a server still signs with a key. False when the keys were replaced since it started.
    public static func noteUse(of id: String, on database: Database) async throws -> Bool {
        try await !database.write(used, [.text(id)]).isEmpty
    }
}
