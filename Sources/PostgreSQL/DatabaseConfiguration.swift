// What can be set about the connections. The defaults suit a daemon on a small machine; each bounds something that would
// otherwise grow or wait without end.

/// How a `Database` connects and how much it queues.
public struct DatabaseConfiguration: Sendable {
    /// A PostgreSQL connection URL or key=value string, in the syntax of libpq.
    public var url: String
    /// The schemas that unqualified names are looked up in, first to last; none leaves it to the server.
    public var searchPath: [String] = []
    /// The number of connections for reads, at least 1. With more than one, the first is for point reads.
    public var readConnections = 3
    /// The number of connections for writes, at least 1. One connection runs one batch at a time; two keep two
    /// processors busy.
    public var writeConnections = 2
    /// How many statements may wait to be sent, for reads and for writes each, before `.queueFull`.
    public var queueLimit = 4_096
    /// The estimated queueing delay of a key's next statement up to which `admits` says yes: less than a person notices, and more than the
    /// callers of a busy hour cause.
    public var longestWait: Duration = .milliseconds(500)
    /// How many statements share one Sync and, for writes, one commit; a costly one counts as several.
    public var batchLimit = 128
    /// Takes the locks of all writes that share a transaction, before them; nil if the writes take none in an order of
    /// their own. With it, a write that does not declare its locks has a transaction of its own.
    public var lockStatement: LockStatement?
    /// How many bytes of one result are received before it is given up, about; a statement that returns more fails with
    /// `.resultTooLarge`. libpq keeps a result in memory until it is complete, and tells nobody how much it has: of what comes
    /// while it reads, only 8 KiB a read are counted, so that one value of many megabytes may pass.
    public var resultLimit = 32 << 20
    /// How long one attempt to connect may take.
    public var connectTimeout: Duration = .seconds(5)
    /// How long a statement waits for a lost connection before it fails as unavailable; also how long `admits` says
    /// yes while the server takes no statements.
    public var outageTolerance: Duration = .milliseconds(900)
    /// The server's statement_timeout; zero turns it off.
    public var statementTimeout: Duration = .seconds(10)
    /// The server's lock_timeout; zero turns it off.
    public var lockTimeout: Duration = .seconds(3)
    /// The server's idle_in_transaction_session_timeout; zero turns it off.
    public var idleInTransactionTimeout: Duration = .seconds(10)
    /// How long a statement whose caller gave up may run before the server is asked to cancel it. Most end within this
    /// time; a cancellation costs the server a process and can make other statements start again.
    public var cancelDelay: Duration = .milliseconds(100)
    /// How long a connection may owe results in silence before the server is probed.
    public var silenceTolerance: Duration = .seconds(2)
    /// How long the server may take to answer a probe before it counts as hung and its connections as lost.
    public var probeTimeout: Duration = .seconds(3)
    /// How long a connection may owe results in silence while the server answers probes, before it counts as lost:
    /// longer than any caller waits, and than `statementTimeout`, without which it has no effect.
    public var stuckTolerance: Duration = .seconds(35)
    /// How often a listening connection sends a heartbeat, which costs an empty round trip.
    public var heartbeatInterval: Duration = .milliseconds(250)
    /// How many times in all a statement is sent that fails by a deadlock, a serialization failure or a lost
    /// connection.
    public var attemptLimit = 5
    /// Variables that are set on each session, such as `clinic.settings_version`. Names and values have no quote or backslash.
    public var sessionVariables: [(name: String, value: String)] = []
    /// The niceness of read backends, if the server is private to this process and on this machine: it keeps calls
    /// rejected promptly under overload. Write backends keep theirs, because they hold locks.
    public var niceness: Int32?

    /// Whether the server may lose changes that were acknowledged (fsync or synchronous_commit off, and so on); otherwise no
    /// connection of the pools is made then.
    public var allowsUnsafeDurability = false

    /// Whether a former primary is refused, see `TimelineFence`; tests show what happens without.
    var checksTimeline = true

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
