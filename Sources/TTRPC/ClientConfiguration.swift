// The settings of a client connection, with their defaults.

internal import RPC

/// The settings of a client.
public struct ClientConfiguration: Sendable {
    /// How long connecting may take (default 5 s).
    public var connectTimeout: Duration = .seconds(5)

    /// The literal address of this machine that a TCP connection is made from; nil (the default) leaves it to the system.
    public var localHost: String?

    /// The messages of one stream that may wait to be read by its caller, and those that may wait to be sent (default 64). A
    /// caller that is faster than its socket waits in `RequestWriter.send`; for a server that is faster than the caller see
    /// `slowStreamGrace`.
    public var maximumQueuedMessages = 64 {
        didSet { maximumQueuedMessages = max(maximumQueuedMessages, 1) }
    }

    /// The same limit in bytes (default 256 KiB); the message that exceeds it is still accepted.
    public var maximumQueuedBytes = 256 << 10 {
        didSet { maximumQueuedBytes = max(maximumQueuedBytes, 1) }
    }

    /// The bytes that wait in all streams of the connection (default 16 MiB).
    public var maximumQueuedBytesPerConnection = 16 << 20 {
        didSet { maximumQueuedBytesPerConnection = max(maximumQueuedBytesPerConnection, 1) }
    }

    /// How long reading may stop because one stream is full (default 1 s), counted since that stream was last empty. Then the
    /// stream fails with RESOURCE_EXHAUSTED and the others continue.
    public var slowStreamGrace: Duration = .seconds(1)

    /// The defaults.
    public init() {}

    var streamLimits: StreamLimits {
        StreamLimits(messages: maximumQueuedMessages, bytes: maximumQueuedBytes)
    }
}
