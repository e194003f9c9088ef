// What the deployment says of a run's bookings, read through the lists that anybody on the staff has.

internal import ClinicClient
internal import ClinicMessages
internal import TTRPC

/// A booking as the deployment has it.
struct FoundBooking: Sendable, Equatable {
    var id: Int64
    var doctorID: Int64
    var patientID: Int64
    /// In seconds since 1970.
    var start: Int64
    var status: BookingStatus
    /// How many payments are live.
    var payments: Int

    /// Nobody else may have its time.
    var occupiesTime: Bool {
        switch status {
        case .held, .booked, .confirmed, .arrived: true
        default: false
        }
    }
}

/// The reading of them.
enum FoundBookings {
    /// All bookings of the run's doctors.
    static func read(of data: ScenarioData, _ client: ClinicClient) async throws -> [FoundBooking] {
        var found: [FoundBooking] = []
        for doctor in data.doctorIDs {
            let list = try await client.callForAllPages(
                BookingServiceMethods.listBookings, ListBookingsRequest(pageSize: 1000, doctorID: doctor))
            found += list.bookings.map { booking in
                FoundBooking(
                    id: booking.id, doctorID: booking.doctor?.id ?? 0, patientID: booking.user?.id ?? 0,
                    start: booking.startTime?.seconds ?? 0, status: booking.status,
                    payments: booking.transactions.count {
                        $0.status == .paid || $0.status == .partiallyRefunded || $0.status == .pending
                    })
            }
        }
        return found
    }
}
