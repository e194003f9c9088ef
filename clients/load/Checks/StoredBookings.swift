// The stored bookings of a run, read through the list that staff can use.

internal import ClinicClient
internal import ClinicMessages
internal import RPC

/// A booking as stored in the deployment.
struct StoredBooking: Sendable, Equatable {
    var id: Int64
    var doctorID: Int64
    var patientID: Int64
    /// The start in seconds since 1970.
    var start: Int64
    var status: BookingStatus
    /// The number of current payments.
    var payments: Int

    /// Whether no other booking may overlap it.
    var occupiesTime: Bool {
        switch status {
        case .held, .booked, .confirmed, .arrived: true
        default: false
        }
    }
}

/// Reads the stored bookings.
enum StoredBookings {
    /// All bookings of the run's doctors.
    static func read(of data: ScenarioData, _ client: ClinicClient) async throws -> [StoredBooking] {
        var bookings: [StoredBooking] = []
        for doctor in data.doctorIDs {
            let list = try await client.callForAllPages(
                BookingServiceMethods.listBookings, ListBookingsRequest(pageSize: 1000, doctorID: doctor))
            bookings += list.bookings.map { booking in
                StoredBooking(
                    id: booking.id, doctorID: booking.doctor?.id ?? 0, patientID: booking.user?.id ?? 0,
                    start: booking.startTime?.seconds ?? 0, status: booking.status,
                    payments: booking.transactions.count {
                        $0.status == .paid || $0.status == .partiallyRefunded || $0.status == .pending
                    })
            }
        }
        return bookings
    }
}
