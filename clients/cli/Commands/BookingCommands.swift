// `clinic booking`: commands that change a booking.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct CreateBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "create", "Book an appointment.",
        example: "clinic booking create --doctor 3 --at '2026-11-24 10:00'")
    static let method = BookingServiceMethods.bookAppointment

    @Option(help: "The number of the doctor.", completion: .doctors)
    var doctor: Int64

    @OptionGroup var start: StartOption

    @Option(help: "The patient, if not you. For staff.")
    var user: Int64?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = StartOption.names

    var needsClinic: Bool { start.needsClinic }

    func request(_ console: Console) throws -> BookAppointmentRequest {
        let time: BookAppointmentRequest.Time =
            switch try start.time(console) {
            case .instant(let instant): .startTime(instant)
            case .local(let text): .bookingDateTime(text)
            }
        return BookAppointmentRequest(doctorID: doctor, time: time, userID: user ?? 0)
    }
}

struct CancelBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "cancel", "Cancel a booking.", "A payment is refunded if the visit is still far enough ahead.",
        example: "clinic booking cancel 7")
    static let method = BookingServiceMethods.updateBookingStatus

    @Argument(help: "The number of the booking.", completion: .bookings)
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

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @Argument(
        help: "The new status: arrived, completed, no-show, cancelled …",
        completion: .values(of: BookingStatus.self),
        transform: enumeration(named:))
    var status: BookingStatus

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> UpdateBookingStatusRequest {
        UpdateBookingStatusRequest(bookingID: id, status: status, etag: version.etag ?? "")
    }
}

struct DeleteBooking: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "delete", "Cancel a booking and hide it from the lists.", example: "clinic booking delete 7")
    static let method = BookingServiceMethods.deleteBooking

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteBookingRequest { DeleteBookingRequest(bookingID: id) }

    func confirmation(of response: DeleteBookingResponse) -> String? { "booking \(id) deleted" }

    func consequence(_ client: ClinicClient) -> String { "cancel booking \(id) and hide it from the lists" }
}

struct PayBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "pay", "Pay a booking, which confirms it.", example: "clinic booking pay 7")
    static let method = PaymentServiceMethods.payBooking

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> PayBookingRequest { PayBookingRequest(bookingID: id) }
}
