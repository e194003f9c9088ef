// The responses of a streaming call, for its handler.

public import ProtobufC

/// Sends messages to the client of one stream. Any task of the handler may use it.
public struct ResponseWriter<Response: Message>: Sendable {
    let stream: ServerStream

    /// Sends a message after the previous ones.
    ///
    /// Waits while the client or the network is slower than the handler: at most `ServerConfiguration.maximumQueuedMessages` and
    /// `maximumQueuedBytes` of a stream are unsent, and the streams of a connection send in turn.
    /// Throws `CancellationError` when the call has ended or the task is cancelled, and RESOURCE_EXHAUSTED for a
    /// message that is too long for a frame.
    public func send(_ response: Response) async throws {
        try await stream.send(response)
    }
}
