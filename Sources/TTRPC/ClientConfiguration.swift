// What can be chosen about a client connection.

internal import RPC

/// The settings of a client.
public struct ClientConfiguration: Sendable {
    /// How long connecting may take (default 5 s).
    public var connectTimeout: Duration = .seconds(5)

    /// The messages of one stream that wait for whoever takes them, and those that a caller may send before they are
    /// handed to the socket (default 64). A caller that is ahead of its socket waits in `RequestWriter.send`; for a
    /// server that is ahead of its caller see `slowStreamGrace`.
    public var maximumQueuedMessages = 64 {
        didSet { maximumQueuedMessages = max(maximumQueuedMessages, 1) }
    }

    /// The bytes of the same (default 256 KiB); the message that goes over it is still taken.
    public var maximumQueuedBytes = 256 << 10 {
        didSet { maximumQueuedBytes = max(maximumQueuedBytes, 1) }
    }

    /// The bytes that wait in all streams of the connection (default 16 MiB).
    public var maximumQueuedBytesPerConnection = 16 << 20 {
        didSet { maximumQueuedBytesPerConnection = max(maximumQueuedBytesPerConnection, 1) }
    }

    /// How long nothing may be read from the connection because one of its streams is full (default 1 s), counted
    /// since everything on that stream was last taken. Then it fails with RESOURCE_EXHAUSTED and the others go on.
    public var slowStreamGrace: Duration = .seconds(1)

    /// The defaults.
    public init() {}

    var streamLimits: StreamLimits {
        StreamLimits(messages: maximumQueuedMessages, bytes: maximumQueuedBytes)
    }
}
