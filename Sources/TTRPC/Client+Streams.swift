// Starting streaming calls. A start never waits and never throws; failures are thrown where the responses are read.

internal import NIOCore
public import ProtobufC
public import RPC
internal import TTRPCMessages

extension Client {
    /// Calls a method that answers with a stream, which lasts until the server ends it, the timeout has passed, or
    /// its last reference is released. The protocol has no message to tell the server of the latter two.
    public func serverStream<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, _ request: Request, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) -> ResponseStream<Response> {
        ResponseStream(
            stream: open(
                .serverStreaming, method.service, method.name, request.encoded(), metadata, timeout))
    }

    /// Calls such a method by its names with an encoded request. Otherwise as above.
    public func serverStream(
        service: String, method: String, payload: [UInt8], metadata: Metadata = [:], timeout: Duration? = nil
    ) -> EncodedResponseStream {
        EncodedResponseStream(
            stream: open(.serverStreaming, service, method, payload, metadata, timeout))
    }

    /// Calls a method that takes a stream of requests and answers with one response.
    public func clientStream<Request, Response>(
        _ method: ClientStreamingMethod<Request, Response>, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) -> ClientStreamingCall<Request, Response> {
        ClientStreamingCall(
            stream: open(.clientStreaming, method.service, method.name, [], metadata, timeout))
    }

    /// Calls a method that takes a stream of requests and answers with a stream of responses.
    public func bidirectional<Request, Response>(
        _ method: BidirectionalMethod<Request, Response>, metadata: Metadata = [:], timeout: Duration? = nil
    ) -> BidirectionalCall<Request, Response> {
        BidirectionalCall(
            stream: open(.bidirectional, method.service, method.name, [], metadata, timeout))
    }

    private func open(
        _ kind: MethodKind, _ service: String, _ method: String, _ payload: [UInt8], _ metadata: Metadata,
        _ timeout: Duration?
    ) -> OpenClientStream {
        let timeout = timeout.map { TimeAmount(bounded: $0) }
        let stream = ClientStream(
            kind: kind, deadline: timeout.map { .now() + $0 },
            responses: InboundQueue(
                limits: connection.configuration.streamLimits, budget: connection.inbound))
        if let timeout, timeout.nanoseconds == 0 {
            stream.responses.end(.failure(Self.deadlineIsOver))
        } else {
            TTRPCRequest(
                service: service, method: method, payload: payload, timeoutNano: timeout?.nanoseconds ?? 0,
                metadata: metadata.sent
            ).withEncoded { connection.open(stream, $0) }
        }
        return OpenClientStream(stream, of: self)
    }
}
