// A stream that reconnects after transient failures, with pauses, for as long as necessary. Only the first
// connection has the limits of a call. The reader updates `request` so that the stream resumes at the right place.

internal import ProtobufC
internal import RPC
internal import TTRPC

/// Calls a server-streaming method repeatedly.
struct ResumingStream<Request: Message, Response: Message> {
    private let client: ClinicClient
    private let method: ServerStreamingMethod<Request, Response>
    private let options: CallOptions
    /// The request for the next attempt.
    var request: Request
    private var open: (connection: Client, responses: ResponseStream<Response>.Iterator)?
    private var hasReceivedResponse = false
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

    /// The next response; nil after a transient failure, in which case the next call reconnects. Throws permanent
    /// failures.
    mutating func next() async throws(Status) -> Response? {
        if failures > 0 { try await client.pause(afterFailures: failures) }
        do throws(Status) {
            return try await nextResponse()
        } catch {
            let isTransient = ClinicClient.Failure(error).isTransient
            // A server that is shutting down reports it on a connection that is still open.
            if let open, isTransient { client.connector.discard(open.connection) }
            open = nil
            guard hasReceivedResponse, isTransient || error.code == .resourceExhausted else { throw error }
            failures += 1
            return nil
        }
    }

    private mutating func nextResponse() async throws(Status) -> Response {
        var current = try await opened()
        guard let response = try await current.responses.next() else {
            throw Status(.unavailable, "the server ended the watch")
        }
        hasReceivedResponse = true
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
    /// Waits before the next attempt.
    fileprivate func pause(afterFailures failures: Int) async throws(Status) {
        do {
            try await Task.sleep(for: configuration.retryPolicy.pause(afterAttempts: failures))
        } catch {
            throw Status(.cancelled, "the watch was cancelled")
        }
    }
}
