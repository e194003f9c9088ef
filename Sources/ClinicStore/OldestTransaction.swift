// How long the oldest open transaction of the PostgreSQL server has been open. Until it ends, watchers do not see the changes that
// were made since it first wrote, and nothing that was deleted since it began is cleaned up.

/// Tells the age of the oldest open transaction from repeated looks. A transaction in a database of the same server counts too,
/// and one whose start this role may not see counts from when it was first looked at.
struct OldestTransaction {
    /// What one look shows.
    struct Look {
        /// The number of the oldest transaction that writes, and the first number that is not given out yet.
        var oldest, next: Int64
        /// How long the oldest transaction whose start is shown has been open.
        var shownAge: Duration
    }

    private var oldest: Int64?
    private var seen = ContinuousClock.now

    /// The age now; zero if no transaction is open.
    mutating func age(_ look: Look, at now: ContinuousClock.Instant) -> Duration {
        guard look.oldest < look.next else {
            oldest = nil
            return look.shownAge
        }
        if oldest != look.oldest {
            oldest = look.oldest
            seen = now
        }
        return max(look.shownAge, seen.duration(to: now))
    }
}
