// Figures for monitoring. They are counted under locks that are held anyway.

/// The state of the queues and connections of a `Database`, and what has passed through them since its start.
public struct DatabaseStatistics: Sendable {
    /// The figures of the connections of one kind.
    public struct Pool: Sendable {
        /// Statements that wait to be sent.
        public internal(set) var waiting = 0
        /// Statements that were sent and have no result.
        public internal(set) var inFlight = 0
        /// Connections that are up.
        public internal(set) var connections = 0
        /// Batches that were sent: round trips and, for writes, commits.
        public internal(set) var batches = 0
        /// Statements that were sent, counting each time.
        public internal(set) var statements = 0
        /// Statements that had to be sent again.
        public internal(set) var retries = 0
        /// Statements that a full queue refused, and calls that admission control rejected.
        public internal(set) var refused = 0
        /// Requests to the server to cancel a statement whose caller gave up.
        public internal(set) var cancelRequests = 0
        /// Connections that were made after the first.
        public internal(set) var reconnects = 0
        /// How long the batch that was sent first of those without all results has been on its way; zero without one.
        public internal(set) var oldestBatchAge = Duration.zero
        /// The total time that statements have waited in the queue.
        public internal(set) var queueTime = Duration.zero
    }

    /// The connections for reads.
    public let reads: Pool
    /// The connections for writes.
    public let writes: Pool
    /// How long the oldest open transaction of the server has been open, as far as somebody has looked.
    public let oldestTransactionAge: Duration
    /// Why every change is refused, as far as somebody has looked; nil if they are not.
    public let obstacleToChanges: String?
    /// Whether statements are accepted, of both kinds.
    public var isAvailable: Bool { acceptsReads && acceptsWrites }
    /// Whether statements that change nothing are accepted.
    public let acceptsReads: Bool
    /// Whether statements that change something are accepted.
    public let acceptsWrites: Bool
    /// Whether all listening connections are up; false without one.
    public let isListening: Bool
}
