// Streaming calls. A broken stream is not restarted here, because only the caller knows where to resume;
// `BookingWatch` does so.

public import ProtobufC
public import RPC
public import TTRPC

extension ClinicClient {
    /// Calls a server-streaming method. The stream continues until the server ends it, the timeout of the options
    /// expires (nil means never), or the last reference to it is released.
    ///
    /// ```swift
    /// let request = WatchBookingsRequest(doctorID: 3)
    /// for try await response in try await client.stream(BookingServiceMethods.watchBookings, request) {
    ///     print(response.resumeToken)
    /// }
    /// ```
    ///
    /// Only connecting is retried; throws UNAVAILABLE if that fails. Iterating the stream throws the status that
    /// ends it.
    public func stream<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, _ request: Request,
        options: CallOptions = CallOptions()
    ) async throws(Status) -> ResponseStream<Response> {
        try await openStream(method, request, options: options).responses
    }

    /// Opens the stream and also returns its connection.
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

    /// Calls a server-streaming method whose message types are only known at run time, with an encoded request;
    /// otherwise like `stream(_:_:options:)`.
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

    /// Returns an open connection, retrying as the policy allows.
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
                guard failure.isTransient, configuration.retryPolicy.allowsAttempt(after: attempts) else {
                    throw error
                }
                try await pause(after: failure, attempts, until: deadline)
            }
        }
    }
}
