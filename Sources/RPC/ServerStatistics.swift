// How busy a server is at this moment, for whoever watches it. What has passed is in its metrics.

/// The state of a server in numbers.
public struct ServerStatistics: Sendable {
    /// Calls that have begun and wait for something, streams included.
    public let callsInFlight: Int
    /// Streams among them.
    public let openStreams: Int
    /// Connections that are open.
    public let openConnections: Int
}

extension Server {
    /// How busy it is; cheap, for any thread.
    public var statistics: ServerStatistics {
        ServerStatistics(
            callsInFlight: shared.load.callCount, openStreams: shared.load.streamCount,
            openConnections: connections.count)
    }
}
