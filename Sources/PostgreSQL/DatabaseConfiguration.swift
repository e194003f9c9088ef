// What can be set about the connections. The defaults are those of a daemon on a small machine; each is a
// bound on something that would otherwise grow or wait without end.

/// How a `Database` connects and how much it queues.
public struct DatabaseConfiguration: Sendable {
    /// A PostgreSQL connection URL or key=value string, as libpq takes it.
    public var url: String
    /// The number of connections for reads, at least 1; with more, the first is for those that are quick: that come in
    /// sets and are not long.
    public var readConnections = 3
    /// The number of connections for writes, at least 1. With one the server works at one batch and the others wait; two
    /// keep two processors busy.
    public var writeConnections = 2
    /// How many statements may wait to be sent, reads and writes each, before `.queueFull`.
    public var queueLimit = 4_096
    /// How long a statement may have to wait to be sent, as far as can be told, for `admits` to let its request begin:
    /// a fraction of what a person notices, and more than the callers of a full house take in turn.
    public var longestWait: Duration = .milliseconds(500)
    /// How many statements share one Sync, and hence, for writes, one commit.
    public var batchLimit = 128
    /// How long one attempt to connect may take.
    public var connectTimeout: Duration = .seconds(5)
    /// How long a statement waits for a lost connection to come back before it is refused as unavailable; and how long
    /// `admits` trusts a server that takes nothing.
    public var outageTolerance: Duration = .milliseconds(900)
    /// The server's statement_timeout; zero turns it off.
    public var statementTimeout: Duration = .seconds(10)
    /// The server's lock_timeout; zero turns it off.
    public var lockTimeout: Duration = .seconds(3)
    /// The server's idle_in_transaction_session_timeout; zero turns it off.
    public var idleInTransactionTimeout: Duration = .seconds(10)
    /// How long a statement may go on whose caller gave up before the server is asked to stop it. Most end by
    /// themselves within it; asking costs the server a process and can make neighbours start again.
    public var cancelDelay: Duration = .milliseconds(100)
    /// How long a connection may owe results without a sign of life before the server is probed.
    public var silenceTolerance: Duration = .seconds(2)
    /// How long the server may take to answer that probe before it counts as hung and its connections as lost.
    public var probeTimeout: Duration = .seconds(3)
    /// How long a connection may owe results without a sign of life while the server results probes, before it counts
    /// as lost: longer than anybody waits, and than `statementTimeout`, without which it has no meaning.
    public var stuckTolerance: Duration = .seconds(35)
    /// How often a line that listens is proven to be alive; each time costs an empty round trip.
    public var heartbeatInterval: Duration = .milliseconds(250)
    /// How often a statement is sent in all when it fails by a deadlock, a serialisation failure or a lost
    /// connection.
    public var attemptLimit = 5
    /// The niceness of the server's processes that read for this one, if the server is its own and on this machine: what
    /// is too much for both is to be refused at once. Those that change something hold locks that others wait for.
    public var niceness: Int32?
    /// Is called around each resumption of several callers, on a connection's thread; for an executor that would rather be
    /// woken once for all of them.
    public var aroundAnswers: (@Sendable (_ resumeCallers: () -> Void) -> Void)?

    /// The defaults, for the database at the URL.
    public init(url: String) {
        self.url = url
    }
}

extension Duration {
    /// Whole milliseconds, rounded down, at least 0.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        if overflow { return seconds < 0 ? 0 : .max }
        return max(0, product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue)
    }
}
