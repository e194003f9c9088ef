// Figures of the connections for whoever watches the service. They are counted under locks that are held anyway.

/// How the queues and connections of a `Database` stand, and what has passed through them since its start.
public struct DatabaseStatistics: Sendable {
    /// The figures of the connections of one kind.
    public struct Pool: Sendable {
        /// Statements that wait to be sent.
        public internal(set) var waiting = 0
        /// Statements that were sent and have no answer.
        public internal(set) var inFlight = 0
        /// Connections that are up.
        public internal(set) var connections = 0
        /// Groups that were sent: round trips, and for writes commits.
        public internal(set) var batches = 0
        /// Statements that were sent, each time counted.
        public internal(set) var statements = 0
        /// Statements that had to be sent again.
        public internal(set) var retries = 0
        /// Statements, and requests before their first, that the queue had no room for.
        public internal(set) var refused = 0
        /// Requests to the server to end what nobody waits for.
        public internal(set) var cancelRequests = 0
        /// Connections that were made after the first.
        public internal(set) var reconnects = 0
        /// The time that statements have spent in the queue, all together.
        public internal(set) var queueTime = Duration.zero
    }

    /// The connections for reads.
    public let reads: Pool
    /// The connections for writes.
    public let writes: Pool
    /// Whether statements are accepted.
    public let isAvailable: Bool
    /// Whether all lines that listen are up; false without one.
    public let isListening: Bool
}
