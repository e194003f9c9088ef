// Calls that are streams. A stream is begun again by nobody but its caller, who knows where to go on: BookingWatch does.

public import ProtobufC
public import TTRPC

extension ClinicClient {
    /// Calls a method that answers with a stream, which goes on until the server ends it, the timeout of the options
    /// (nil: never) is over, or its last reference is gone.
    ///
    /// Only connecting is tried again; throws UNAVAILABLE if that fails. What ends the stream is thrown where it is
    /// taken.
    public func stream<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, _ request: Request,
        options: CallOptions = CallOptions()
    ) async throws(Status) -> ResponseStream<Response> {
        try await openStream(method, request, options: options).responses
    }

    /// The same with the connection it is on.
    func openStream<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, _ request: Request,
        options: CallOptions = CallOptions()
    ) async throws(Status) -> (connection: Client, responses: ResponseStream<Response>) {
        let connection = try await connected()
        return (
            connection,
            connection.serverStream(method, request, metadata: metadata(options), timeout: options.timeout)
        )
    }

    /// Calls such a method whose types are known at run time only, with an encoded request. Otherwise as above.
    public func stream(
        _ method: AnyMethod, payload: [UInt8], options: CallOptions = CallOptions()
    ) async throws(Status) -> EncodedResponseStream {
        try await connected().serverStream(
            service: method.service, method: method.name, payload: payload, metadata: metadata(options),
            timeout: options.timeout)
    }

    private func metadata(_ options: CallOptions) -> Metadata {
        var metadata = options.metadata
        if options.sendsToken ?? true, let token { metadata.append("Bearer \(token)", for: "authorization") }
        return metadata
    }

    /// An open connection.
    private func connected() async throws(Status) -> Client {
        let deadline = ContinuousClock.now.advanced(by: configuration.timeout)
        var attempts = 0
        while true {
            attempts += 1
            do throws(Status) {
                let timeout = min(configuration.connectTimeout, ContinuousClock.now.duration(to: deadline))
                return try await connector.connection(timeout: timeout).client
            } catch {
                let failure = Failure(error)
                guard failure.isPassing, attempts < configuration.retryPolicy.maximumAttempts else {
                    throw error
                }
                try await pause(after: failure, attempts, until: deadline)
            }
        }
    }
}
