// A connection pooler such as PgBouncer may give each transaction another session of the server. Then settings, prepared
// statements, notifications and locks of a session are somebody else's, and a lock that is left behind is nobody's. This is
// found out before anything is done that would stay in a session.

/// Finds out whether sessions are ours.
public enum PoolerCheck {
    /// How long the pooler may take for a statement of another connection.
    private static let limit = Duration.seconds(1)
    /// How many other transactions are begun. While they last, a pooler gives none of their sessions to anybody else.
    private static let others = 2
    private static let marker = "clinic.pooler_check"

    /// Throws `.unusable` if each transaction gets another session, or if connections have to wait for each other; takes two
    /// seconds at most once connected.
    public static func run(url: String) async throws {
        try await Thread.result { try check(url) }
    }

    private static func check(_ url: String) throws(DatabaseError) {
        let first = try AdminConnection.connect(url: url, isPrepared: false)
        var row = try first.query("SELECT pg_catalog.pg_backend_pid()::bigint")[0]
        // A pooler announces a number of its own, which it can cancel by.
        guard try row.int64() != Int64(first.announcedProcess) else { return }
        let sign = "\(UInt64.random(in: 1...UInt64.max))"
        let read = "SELECT pg_catalog.current_setting('\(marker)', true)"
        func mark(_ value: String) -> String {
            "SELECT pg_catalog.set_config('\(marker)', '\(value)', false)"
        }
        try first.execute(mark(sign))
        var held: [AdminConnection] = []
        defer { for other in held { _ = try? other.text(of: "ROLLBACK", within: limit) } }
        for _ in 0..<others {
            let other = try AdminConnection.connect(url: url, isPrepared: false)
            do throws(DatabaseError) {
                guard try other.text(of: "BEGIN", within: limit) != nil,
                    let found = try other.text(of: read, within: limit)
                else { throw tooFew }
                guard found != sign else {
                    _ = try other.text(of: mark("") + "; COMMIT", within: limit)
                    throw isShared
                }
            } catch {
                // With pool_mode=statement, there are no transactions.
                throw error.state == nil ? error : isShared
            }
            held.append(other)
        }
        guard try first.text(of: read, within: limit) == sign else { throw isShared }
    }

    private static let isShared = DatabaseError(
        .unusable,
        "a connection pooler is in between that gives each transaction another session (such as pool_mode=transaction): "
            + "use pool_mode=session for the clinic, or connect to PostgreSQL itself")
    private static let tooFew = DatabaseError(
        .unusable,
        "a connection pooler is in between whose connections wait for each other: let it have at least nine for the "
            + "clinic (default_pool_size), or connect to PostgreSQL itself")
}
