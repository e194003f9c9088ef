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
        private var stream: ResumedStream<WatchBookingsRequest, WatchBookingsResponse>

        fileprivate init(_ watch: BookingWatch) {
            stream = ResumedStream(watch.client, BookingServiceMethods.watchBookings, watch.request)
        }

        /// The token of the last response, signs of life included; empty before the first.
        public var resumeToken: String { stream.request.resumeToken }

        /// The next change.
        public mutating func next() async throws(Status) -> WatchBookingsResponse? {
            try await next(isolation: nil)
        }

        /// The next change. As above, whatever actor asks.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Status) -> WatchBookingsResponse? {
            while true {
                guard let response = try await stream.next() else { continue }
                stream.request.resumeToken = response.resumeToken
                // Without an event it is a sign of life.
                if response.event != nil { return response }
            }
        }
    }

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
