// The requests of a streaming call, for its caller, and the calls that have them.

public import ProtobufC
public import RPC

/// Sends messages to the server on one stream. Any task of the caller may use it.
public struct RequestWriter<Request: Message>: Sendable {
    let stream: OpenClientStream

    /// Sends a message after the previous ones.
    ///
    /// Waits while the server or the network is slower than the caller: at most `ClientConfiguration.maximumQueuedMessages` and
    /// `maximumQueuedBytes` of a stream are unsent. Throws CANCELLED when the task is
    /// cancelled, or when the call has ended; its outcome then tells why. Throws
    /// RESOURCE_EXHAUSTED for a message that is too long for a frame.
    public func send(_ request: Request) async throws(Status) {
        try await stream.connection.send(request, on: stream.stream)
    }

    /// Ends the messages.
    public func finish() {
        stream.connection.endRequests(of: stream.stream)
    }
}

/// A call with a stream of requests and one response.
///
/// It ends with its last reference. The protocol has no frame to tell the server, which waits for messages until the timeout or the end
/// of the connection.
public struct ClientStreamingCall<Request: Message, Response: Message>: Sendable {
    let stream: OpenClientStream

    /// Sends the requests.
    public var requests: RequestWriter<Request> { RequestWriter(stream: stream) }

    /// Ends the messages and waits for the response. To be called once. Throws as
    /// `Client.call` does.
    public func finish() async throws(Status) -> Response {
        requests.finish()
        guard let response: Response = try await stream.nextResponse() else {
            throw Status(.internal, "the server has answered before")
        }
        return response
    }
}

/// A call with a stream of requests and a stream of responses, in any order. It ends as `ClientStreamingCall` does.
public struct BidirectionalCall<Request: Message, Response: Message>: Sendable {
    let stream: OpenClientStream

    /// Sends the requests.
    public var requests: RequestWriter<Request> { RequestWriter(stream: stream) }
    /// The responses.
    public var responses: ResponseStream<Response> { ResponseStream(stream: stream) }
}
