// A watch of bookings that survives its connections: each time it goes on from the last token, so that its reader sees
// every change once, whatever happened to servers and lines meanwhile.

public import ClinicMessages
public import TTRPC

extension ClinicClient {
    /// Watches bookings: the changes from now on, or behind a `resumeToken`.
    ///
    /// - Parameter doctorID: whose bookings only; 0 means any doctor's.
    public func watchBookings(from resumeToken: String = "", doctorID: Int64 = 0) -> BookingWatch {
        BookingWatch(
            client: self, request: WatchBookingsRequest(resumeToken: resumeToken, doctorID: doctorID))
    }
}

/// Changes of bookings in order, each with the token to go on with behind it. For one task, which may go through it
/// once.
///
/// It never ends by itself. When the server goes away it comes back to it, with pauses, for as long as it takes; only
/// the first connection is given up like a call's. It throws what does not pass: UNAUTHENTICATED when the token of the
/// client has ended (watch again with a new one, from the last `resumeToken`), INVALID_ARGUMENT for a token of another
/// watch, CANCELLED when the task is cancelled.
public struct BookingWatch: AsyncSequence, Sendable {
    let client: ClinicClient
    let request: WatchBookingsRequest

    /// Takes one change after the other.
    public struct Iterator: AsyncIteratorProtocol {
        private let client: ClinicClient
        private var request: WatchBookingsRequest
        private var open: (connection: Client, responses: ResponseStream<WatchBookingsResponse>.Iterator)?
        private var hasBegun = false
        private var failures = 0

        fileprivate init(_ watch: BookingWatch) {
            client = watch.client
            request = watch.request
        }

        /// The token of the last response, signs of life included; empty before the first.
        public var resumeToken: String { request.resumeToken }

        /// The next change.
        public mutating func next() async throws(Status) -> WatchBookingsResponse? {
            try await next(isolation: nil)
        }

        /// The next change. As above, whatever actor asks.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Status) -> WatchBookingsResponse? {
            while true {
                do throws(Status) {
                    if let response = try await nextResponse() { return response }
                } catch {
                    let isPassing = ClinicClient.Failure(error).isPassing
                    // A server that is going away says so on a connection that still stands.
                    if let open, isPassing { client.connector.discard(open.connection) }
                    open = nil
                    guard hasBegun, isPassing || error.code == .resourceExhausted else { throw error }
                    failures += 1
                    try await client.pause(afterFailures: failures)
                }
            }
        }

        /// One response; nil for a sign of life.
        private mutating func nextResponse() async throws(Status) -> WatchBookingsResponse? {
            var current = try await opened()
            let next = try await current.responses.next()
            guard let response = next else { throw Status(.unavailable, "the server ended the watch") }
            hasBegun = true
            failures = 0
            request.resumeToken = response.resumeToken
            return response.event == nil ? nil : response
        }

        private mutating func opened() async throws(Status) -> (
            connection: Client, responses: ResponseStream<WatchBookingsResponse>.Iterator
        ) {
            if let open { return open }
            let stream = try await client.openStream(BookingServiceMethods.watchBookings, request)
            let opened = (stream.connection, stream.responses.makeAsyncIterator())
            open = opened
            return opened
        }
    }

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
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
