// The requests of a streaming call, as its caller sends them, and the calls that have them.

public import ProtobufC
public import RPC

/// Sends messages to the server on one stream. Any task of the caller may use it.
public struct RequestWriter<Request: Message>: Sendable {
    let stream: OpenClientStream

    /// Sends a message behind those before it.
    ///
    /// Waits while the server or the network is slower than the caller: the stream may be ahead of the socket by
    /// `ClientConfiguration.maximumQueuedMessages` and `maximumQueuedBytes`. Throws CANCELLED when the task is
    /// cancelled, or when the call has ended, as it may at any time: its outcome tells how. Throws
    /// RESOURCE_EXHAUSTED for a message that is too long for a frame.
    public func send(_ request: Request) async throws(Status) {
        try await stream.connection.send(request, on: stream.stream)
    }

    /// Tells the server that no more messages come.
    public func finish() {
        stream.connection.endRequests(of: stream.stream)
    }
}

/// A call with a stream of requests and one response.
///
/// It is forgotten with the last reference to it. The protocol has no frame that would tell the server, which goes on
/// waiting for messages until the timeout or the end of the connection.
public struct ClientStreamingCall<Request: Message, Response: Message>: Sendable {
    let stream: OpenClientStream

    /// What the caller sends.
    public var requests: RequestWriter<Request> { RequestWriter(stream: stream) }

    /// Tells the server that no more messages come and waits for its response. To be called once. Throws as
    /// `Client.call` does.
    public func finish() async throws(Status) -> Response {
        requests.finish()
        guard let response: Response = try await stream.nextResponse() else {
            throw Status(.internal, "the server has answered before")
        }
        return response
    }
}

/// A call with a stream of requests and a stream of responses, in any order. Forgotten as `ClientStreamingCall` is.
public struct BidirectionalCall<Request: Message, Response: Message>: Sendable {
    let stream: OpenClientStream

    /// What the caller sends.
    public var requests: RequestWriter<Request> { RequestWriter(stream: stream) }
    /// What the server sends.
    public var responses: ResponseStream<Response> { ResponseStream(stream: stream) }
}
