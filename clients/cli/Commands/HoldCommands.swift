// `clinic booking`: commands to show, hold, confirm and reschedule a booking.

internal import ArgumentParser
internal import ClinicMessages

struct ShowBooking: RemoteCommand {
    static let configuration = CommandConfiguration(
        "show", "Show a booking.", example: "clinic booking show 7")
    static let method = BookingServiceMethods.getBooking

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetBookingRequest { GetBookingRequest(bookingID: id) }
}

struct HoldSlot: ChangeCommand {
    static let configuration = CommandConfiguration(
        "hold", "Hold a slot for a few minutes, to confirm it later.",
        "You may hold two at a time; a hold expires by itself.",
        example: "clinic booking hold --doctor 3 --at '2026-11-24 10:00'")
    static let method = BookingServiceMethods.holdSlot

    @Option(help: "The number of the doctor.", completion: .doctors)
    var doctor: Int64

    @OptionGroup var start: StartOption

    @Option(help: "The patient, if not you. For staff.")
    var user: Int64?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = StartOption.names

    var needsClinic: Bool { start.needsClinic }

    func request(_ console: Console) throws -> HoldSlotRequest {
        let time: HoldSlotRequest.Time =
            switch try start.time(console) {
            case .instant(let instant): .startTime(instant)
            case .local(let text): .bookingDateTime(text)
            }
        return HoldSlotRequest(doctorID: doctor, time: time, userID: user ?? 0)
    }
}

struct ConfirmHold: ChangeCommand {
    static let configuration = CommandConfiguration(
        "confirm", "Book a slot that is held.", example: "clinic booking confirm 7")
    static let method = BookingServiceMethods.confirmHold

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> ConfirmHoldRequest {
        ConfirmHoldRequest(bookingID: id, etag: version.etag ?? "")
    }
}

struct RescheduleBooking: ChangeCommand {
    static let configuration = CommandConfiguration(
        "reschedule", "Move a booking to another time of the same doctor.",
        "It stays the same booking, paid or not. If the new time is taken, nothing changes.",
        example: "clinic booking reschedule 7 --at '2026-11-25 14:30'")
    static let method = BookingServiceMethods.rescheduleBooking

    @Argument(help: "The number of the booking.", completion: .bookings)
    var id: Int64

    @OptionGroup var start: StartOption

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = StartOption.names

    var needsClinic: Bool { start.needsClinic }

    func request(_ console: Console) throws -> RescheduleBookingRequest {
        let time: RescheduleBookingRequest.Time =
            switch try start.time(console) {
            case .instant(let instant): .startTime(instant)
            case .local(let text): .bookingDateTime(text)
            }
        return RescheduleBookingRequest(bookingID: id, time: time, etag: version.etag ?? "")
    }
}
