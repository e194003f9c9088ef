// `clinic booking`: commands that change a booking.

internal import ArgumentParser
internal import ClinicMessages

struct CreateBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "create", "Book an appointment.",
        example: "clinic booking create --doctor 3 --at '24/11/2026 10:00:00'")
    static let method = BookingServiceMethods.bookAppointment

    @Option(help: "The number of the doctor.")
    var doctor: Int64

    @Option(
        help: ArgumentHelp(
            "The start, 'dd/mm/yyyy hh:mm' in the clinic's local time, or an instant like 2026-11-24T10:00:00+11:00.",
            valueName: "time"),
        transform: BookAppointmentRequest.Time.parse)
    var at: BookAppointmentRequest.Time

    @Option(help: "The patient, if not you. For staff.")
    var user: Int64?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> BookAppointmentRequest {
        BookAppointmentRequest(doctorID: doctor, time: at, userID: user ?? 0)
    }
}

struct CancelBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "cancel", "Cancel a booking.", "A payment is refunded if the visit is still far enough ahead.",
        example: "clinic booking cancel 7")
    static let method = BookingServiceMethods.updateBookingStatus

    @Argument(help: "The number of the booking.")
    var id: Int64

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> UpdateBookingStatusRequest {
        UpdateBookingStatusRequest(bookingID: id, status: .cancelled, etag: version.etag ?? "")
    }
}

struct SetBookingStatus: ChangeCommand {
    static let configuration = CommandConfiguration(
        "set-status", "Move a booking to another status. For staff.",
        example: "clinic booking set-status 7 no-show")
    static let method = BookingServiceMethods.updateBookingStatus

    @Argument(help: "The number of the booking.")
    var id: Int64

    @Argument(
        help: "The new status: arrived, completed, no-show, cancelled …", transform: enumeration(named:))
    var status: BookingStatus

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> UpdateBookingStatusRequest {
        UpdateBookingStatusRequest(bookingID: id, status: status, etag: version.etag ?? "")
    }
}

struct DeleteBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "delete", "Cancel a booking and hide it from the lists.", example: "clinic booking delete 7")
    static let method = BookingServiceMethods.deleteBooking

    @Argument(help: "The number of the booking.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteBookingRequest { DeleteBookingRequest(bookingID: id) }

    func confirmation(of response: ProtobufEmpty) -> String? { "booking \(id) deleted" }
}

struct PayBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "pay", "Pay a booking, which confirms it.", example: "clinic booking pay 7")
    static let method = PaymentServiceMethods.payBooking

    @Argument(help: "The number of the booking.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> PayBookingRequest { PayBookingRequest(bookingID: id) }
}
