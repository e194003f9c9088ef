// Looks at the PostgreSQL server once a second for transactions that are left open.

internal import Logging
internal import PostgreSQL
internal import Synchronization

/// Tells a database how old the oldest open transaction of its server is, and warns when that is old.
final class TransactionWatch: Sendable {
    private struct State {
        weak var database: Database?
        var oldest = OldestTransaction()
        var warned: ContinuousClock.Instant?
    }

    /// The age from which an open transaction is worth a warning, and the time between two of them.
    private static let tolerance = Duration.seconds(60)
    /// The oldest transaction that writes, the next number, and the seconds since the start of the oldest transaction whose
    /// start this role may see.
    private static let transactions = """
        select pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint,
            coalesce((
                select extract(epoch from clock_timestamp() - min(xact_start)) from pg_stat_activity
                where backend_type = 'client backend' and pid <> pg_backend_pid()
            ), 0)::bigint
        from pg_current_snapshot() as snapshot
        """

    private let logger: Logger
    private let state = Mutex(State())

    init(logger: Logger) { self.logger = logger }

    func observe(_ database: Database) { state.withLock { $0.database = database } }

    func look(at connection: AdminConnection) throws(DatabaseError) {
        var row = try connection.query(Self.transactions)[0]
        let look = OldestTransaction.Look(
            oldest: try row.int64(), next: try row.int64(), shownAge: .seconds(max(0, try row.int64())))
        let now = ContinuousClock.now
        let (age, warns) = state.withLock { state in
            let age = state.oldest.age(look, at: now)
            state.database?.noteOldestTransaction(age: age)
            let isDue = state.warned.map { $0.duration(to: now) >= Self.tolerance } ?? true
            if age >= Self.tolerance, isDue { state.warned = now }
            return (age, age >= Self.tolerance && isDue)
        }
        guard warns else { return }
        logger.warning(
            """
            a transaction has been open for long: watchers do not see changes made since, and dead rows are kept; find it in \
            pg_stat_activity or pg_prepared_xacts and end it
            """, metadata: ["seconds": "\(age.components.seconds)"])
    }
}
