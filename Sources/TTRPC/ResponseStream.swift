// The responses of a streaming call, for its caller. The stream ends with the last reference to them: the protocol has no frame to tell
// the server, so later messages are dropped.

public import ProtobufC
public import RPC

/// The messages that a server sends on one stream, in order, encoded. One task may iterate over it, once.
///
/// It ends after the server's last message, and throws the status of a failed call; DEADLINE_EXCEEDED when the timeout has passed,
/// CANCELLED when the task is cancelled, UNAVAILABLE with `transportFailure` when the connection fails, and RESOURCE_EXHAUSTED when
/// the messages are not taken for so long that other streams wait (`ClientConfiguration.slowStreamGrace`).
public struct EncodedResponseStream: AsyncSequence, Sendable {
    /// Iterates over the messages.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: OpenClientStream

        /// The next message; nil after the last.
        public mutating func next() async throws(Status) -> [UInt8]? { try await stream.next() }

        /// The next message; nil after the last, on any actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> [UInt8]? {
            try await stream.next()
        }
    }

    let stream: OpenClientStream

    /// The iterator; to be made once.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}

/// The messages that a server sends on one stream, in order. One task may iterate over it, once. It ends and
/// throws as `EncodedResponseStream` does, and with INTERNAL for a message that cannot be decoded.
public struct ResponseStream<Response: Message>: AsyncSequence, Sendable {
    /// Iterates over the messages.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: OpenClientStream

        /// The next message; nil after the last.
        public mutating func next() async throws(Status) -> Response? { try await stream.nextResponse() }

        /// The next message; nil after the last, on any actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Status) -> Response? {
            try await stream.nextResponse()
        }
    }

    let stream: OpenClientStream

    /// The iterator; to be made once.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }
}

/// A referenced stream, which is released with its last reference.
final class OpenClientStream: Sendable {
    let stream: ClientStream
    /// Not the connection, so that the client's connection closes with its last reference although a stream is held.
    private let client: Client

    init(_ stream: ClientStream, of client: Client) {
        self.stream = stream
        self.client = client
    }

    deinit {
        connection.forget(stream)
    }

    var connection: ClientConnection { client.connection }

    /// The next message of the server; nil after the last.
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
