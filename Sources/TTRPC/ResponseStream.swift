// The responses of a streaming call, as its caller takes them. The stream is forgotten with the last reference to
// them: the protocol has no frame that would tell the server, so what still comes is dropped.

public import ProtobufC
public import RPC

/// The messages that a server sends on one stream, in order, encoded. For one task, which may go through it once.
///
/// It ends behind the server's last message, and fails with the status the server ended the call with;
/// DEADLINE_EXCEEDED when the timeout is over, CANCELLED when the task is cancelled, UNAVAILABLE with
/// `transportFailure` when the connection fails, and RESOURCE_EXHAUSTED when the messages are not taken while the
/// connection has to be read for others (`ClientConfiguration.slowStreamGrace`).
public struct EncodedResponseStream: AsyncSequence, Sendable {
    /// Takes one message after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: OpenClientStream

        /// The next message; nil behind the last.
        public mutating func next() async throws(Status) -> [UInt8]? { try await stream.next() }

        /// The next message; nil behind the last. As above, whatever actor asks.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> [UInt8]? {
            try await stream.next()
        }
    }

    let stream: OpenClientStream

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}

/// The messages that a server sends on one stream, in order. For one task, which may go through it once. It ends and
/// fails as `EncodedResponseStream` does, and with INTERNAL for a message that cannot be decoded.
public struct ResponseStream<Response: Message>: AsyncSequence, Sendable {
    /// Takes one message after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: OpenClientStream

        /// The next message; nil behind the last.
        public mutating func next() async throws(Status) -> Response? { try await stream.nextResponse() }

        /// The next message; nil behind the last. As above, whatever actor asks.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> Response? {
            try await stream.nextResponse()
        }
    }

    let stream: OpenClientStream

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}

/// A stream that somebody holds on to.
final class OpenClientStream: Sendable {
    let stream: ClientStream
    /// Not the connection: it would be closed with the last reference to the client.
    private let client: Client

    init(_ stream: ClientStream, of client: Client) {
        self.stream = stream
        self.client = client
    }

    deinit {
        connection.forget(stream)
    }

    var connection: ClientConnection { client.connection }

    /// The next message of the server; nil behind the last.
    func next() async throws(Status) -> [UInt8]? {
        do {
            return try await stream.responses.next()
        } catch {
            connection.forget(stream)
            throw error
        }
    }

    /// The same, decoded.
    func nextResponse<Response: Message>() async throws(Status) -> Response? {
        guard let bytes = try await next() else { return nil }
        do {
            return try Response(decoding: bytes, limits: .client)
        } catch {
            connection.forget(stream)
            throw Status(.internal, "the server's message is not a \(Response.descriptor.name): \(error)")
        }
    }
}
