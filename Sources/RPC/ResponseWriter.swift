// The responses of a streaming call, as its handler sends them.

public import ProtobufC

/// Sends messages to the client of one stream. Any task of the handler may use it.
public struct ResponseWriter<Response: Message>: Sendable {
    let stream: ServerStream

    /// Sends a message behind those before it.
    ///
    /// Waits while the client or the network is slower than the handler: the stream may be ahead of the socket by
    /// `ServerConfiguration.maximumQueuedMessages` and `maximumQueuedBytes`, and takes turns with the other streams.
    /// Throws `CancellationError` when the call is over or the task is cancelled, and RESOURCE_EXHAUSTED for a
    /// message that is too long for a frame.
    public func send(_ response: Response) async throws {
        try await stream.send(response)
    }
}
