// The current load of a server; its metrics count the past.

/// The current load of a server.
public struct ServerStatistics: Sendable {
    /// Calls with pending operations, including streams.
    public let callsInFlight: Int
    /// Streams among these calls.
    public let openStreams: Int
    /// Open connections.
    public let openConnections: Int
}

extension Server {
    /// The current load; cheap, from any thread.
    public var statistics: ServerStatistics {
        ServerStatistics(
            callsInFlight: shared.budgets.calls.takenCount + shared.budgets.streams.takenCount,
            openStreams: shared.budgets.streams.takenCount,
            openConnections: connections.count)
    }
}
