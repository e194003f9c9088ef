// A stream that outlives its connections: what fails for now is begun again, with pauses, for as long as it takes. Only
// the first connection is given up like a call's. Whoever takes from it puts into the request where to go on.

internal import ProtobufC
internal import TTRPC

/// Calls a method that answers with a stream, again and again.
struct ResumedStream<Request: Message, Response: Message> {
    private let client: ClinicClient
    private let method: ServerStreamingMethod<Request, Response>
    private let options: CallOptions
    /// What the stream is begun with the next time.
    var request: Request
    private var open: (connection: Client, responses: ResponseStream<Response>.Iterator)?
    private var hasBegun = false
    private var failures = 0

    init(
        _ client: ClinicClient, _ method: ServerStreamingMethod<Request, Response>, _ request: Request,
        options: CallOptions = CallOptions()
    ) {
        self.client = client
        self.method = method
        self.request = request
        self.options = options
    }

    /// The next response; nil when the server is lost, and the next time it is gone back to. Throws what does not pass.
    mutating func next() async throws(Status) -> Response? {
        if failures > 0 { try await client.pause(afterFailures: failures) }
        do throws(Status) {
            return try await nextResponse()
        } catch {
            let isPassing = ClinicClient.Failure(error).isPassing
            // A server that is going away says so on a connection that still stands.
            if let open, isPassing { client.connector.discard(open.connection) }
            open = nil
            guard hasBegun, isPassing || error.code == .resourceExhausted else { throw error }
            failures += 1
            return nil
        }
    }

    private mutating func nextResponse() async throws(Status) -> Response {
        var current = try await opened()
        guard let response = try await current.responses.next() else {
            throw Status(.unavailable, "the server ended the watch")
        }
        hasBegun = true
        failures = 0
        return response
    }

    private mutating func opened() async throws(Status) -> (
        connection: Client, responses: ResponseStream<Response>.Iterator
    ) {
        if let open { return open }
        let stream = try await client.openStream(method, request, options: options)
        let opened = (stream.connection, stream.responses.makeAsyncIterator())
        open = opened
        return opened
    }
}

extension ClinicClient {
    /// Waits between two attempts at a stream.
    fileprivate func pause(afterFailures failures: Int) async throws(Status) {
        do {
            try await Task.sleep(for: configuration.retryPolicy.pause(afterAttempts: failures))
        } catch {
            throw Status(.cancelled, "the caller gave the watch up")
        }
    }
}
