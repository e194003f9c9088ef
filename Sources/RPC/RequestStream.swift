// The requests of a streaming call, for its handler.

public import ProtobufC

/// The messages that a client sends on one stream, in order. One task may iterate over it, once.
///
/// It ends after the client's last message, and fails with the status of the call: INVALID_ARGUMENT for a message that cannot be
/// decoded, CANCELLED when the client's side is cut or the call was cancelled. The handler need not catch the error, which becomes
/// the response. While the queue is full the connection does not read; see `ServerConfiguration.slowStreamGrace`.
public struct RequestStream<Request: Message>: AsyncSequence, Sendable {
    /// Iterates over the messages.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: ServerStream

        /// The next message; nil after the last.
        public mutating func next() async throws(Status) -> Request? {
            try await stream.nextRequest()
        }

        /// The next message; nil after the last, on any actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> Request? {
            try await stream.nextRequest()
        }
    }

    let stream: ServerStream

    /// The iterator; to be made once.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}
