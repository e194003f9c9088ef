// A stream of booking changes that survives lost connections: each time it resumes from the last token, so that the
// reader sees every change exactly once.

public import ClinicMessages
public import RPC

extension ClinicClient {
    /// Watches bookings: all changes from now on, or all after a `resumeToken`.
    ///
    /// - Parameter doctorID: restricts the watch to one doctor's bookings; 0 means all doctors.
    public func watchBookings(from resumeToken: String = "", doctorID: Int64 = 0) -> BookingWatch {
        BookingWatch(
            client: self, request: WatchBookingsRequest(resumeToken: resumeToken, doctorID: doctorID))
    }
}

/// Changes of bookings in order, each with the token from which a later watch can resume. One task may iterate it
/// once.
///
/// ```swift
/// for try await change in client.watchBookings(doctorID: 3) {
///     if let booking = change.event?.booking { print(booking.id, booking.status) }
/// }
/// ```
///
/// The watch never ends by itself. When the server goes away, the watch reconnects with pauses for as long as
/// necessary; only the first connection has the limits of a call. It throws a `Status` for permanent failures:
/// UNAUTHENTICATED when the client's token has expired (set a new one and watch again from the last `resumeToken`),
/// INVALID_ARGUMENT for a token of another watch, CANCELLED when the task is cancelled.
public struct BookingWatch: AsyncSequence, Sendable {
    let client: ClinicClient
    let request: WatchBookingsRequest

    /// Iterates over the changes.
    public struct Iterator: AsyncIteratorProtocol {
        private var stream: ResumingStream<WatchBookingsRequest, WatchBookingsResponse>

        fileprivate init(_ watch: BookingWatch) {
            stream = ResumingStream(watch.client, BookingServiceMethods.watchBookings, watch.request)
        }

        /// The token of the last response, including keepalives; empty before the first.
        public var resumeToken: String { stream.request.resumeToken }

        /// The next change; never nil. Throws as described for `BookingWatch`.
        public mutating func next() async throws(Status) -> WatchBookingsResponse? {
            try await next(isolation: nil)
        }

        /// The next change, on any actor; otherwise like `next()`.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Status) -> WatchBookingsResponse? {
            while true {
                guard let response = try await stream.next() else { continue }
                stream.request.resumeToken = response.resumeToken
                // A response without an event is a keepalive.
                if response.event != nil { return response }
            }
        }
    }

    /// Makes the iterator. A watch supports a single iteration.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
