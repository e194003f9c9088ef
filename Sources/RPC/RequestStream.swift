// The requests of a streaming call, as its handler takes them.

public import ProtobufC

/// The messages that a client sends on one stream, in order. For one task, which may go through it once.
///
/// It ends behind the client's last message, and fails with the status the call is over with: INVALID_ARGUMENT for a
/// message that cannot be decoded, CANCELLED when the client's side is cut or nobody waits for the call any more.
/// What it throws need not be caught by the handler: it is the answer. While messages wait here, the connection stops
/// reading; see `ServerConfiguration.slowStreamGrace`.
public struct RequestStream<Request: Message>: AsyncSequence, Sendable {
    /// Takes one message after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: ServerStream

        /// The next message; nil behind the last.
        public mutating func next() async throws(Status) -> Request? {
            try await stream.nextRequest()
        }

        /// The next message; nil behind the last. As above, whatever actor asks.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> Request? {
            try await stream.nextRequest()
        }
    }

    let stream: ServerStream

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}
