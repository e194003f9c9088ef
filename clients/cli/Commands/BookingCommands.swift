// `clinic booking`, but for what lists them.

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
            "The start, 'dd/mm/yyyy hh:mm' on the clinic's clock, or an instant like 2026-11-24T10:00:00+11:00.",
            valueName: "time"),
        transform: BookAppointmentRequest.Time.parse)
    var at: BookAppointmentRequest.Time

    @Option(help: "Whom it is for, if not for you. For staff.")
    var user: Int64?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> BookAppointmentRequest {
        BookAppointmentRequest(doctorID: doctor, time: at, userID: user ?? 0)
    }
}

struct CancelBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "cancel", "Cancel a booking.", "What was paid comes back if there is still time enough.",
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

    @Argument(help: "Where to: arrived, completed, no-show, cancelled …", transform: enumeration(named:))
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

    func confirmation(of answer: ProtobufEmpty) -> String? { "booking \(id) deleted" }
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
