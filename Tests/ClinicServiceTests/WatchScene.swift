// What the tests of watches have in common: a watch that is taken event by event.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import Scheduling
import TTRPC
import Testing

/// A watch of a session. For one task.
///
/// The tests' transactions in other databases of the cluster hold back what is final, so what was changed shortly before
/// a watch began may be in it.
final class Watch {
    private var responses: ResponseStream<WatchBookingsResponse>.Iterator
    /// The token of the last response.
    private(set) var resumeToken: String

    /// Begins a watch and waits for its first response, so that all that is changed from now on is in it.
    init(
        of session: Session, resumeToken: String = "", doctorID: Int64 = 0, tokenInRequest: Bool = false
    ) async throws {
        let token = session.token ?? ""
        responses = session.client.serverStream(
            BookingServiceMethods.watchBookings,
            WatchBookingsRequest(
                accessToken: tokenInRequest ? token : "", resumeToken: resumeToken, doctorID: doctorID),
            metadata: tokenInRequest || session.token == nil ? [:] : ["authorization": "Bearer \(token)"],
            timeout: .seconds(120)
        ).makeAsyncIterator()
        let first = try #require(try await responses.next())
        #expect(first.event == nil)
        self.resumeToken = first.resumeToken
    }

    /// The next event.
    func next() async throws -> BookingEvent {
        while let response = try await responses.next() {
            resumeToken = response.resumeToken
            if let event = response.event { return event }
        }
        throw Status(.internal, "the watch ended as if there were nothing more")
    }

    /// So many next events; those of one booking, if it is given.
    func next(_ count: Int, of booking: Booking? = nil) async throws -> [BookingEvent] {
        var events: [BookingEvent] = []
        while events.count < count {
            let event = try await next()
            if booking.map({ $0.id == event.bookingID }) ?? true { events.append(event) }
        }
        return events
    }
}

extension BookingEvent {
    /// What happened to which booking, to compare.
    var brief: String { "\(bookingID) \(type.protoName.dropFirst("BOOKING_EVENT_TYPE_".count))" }
}
