// The lists of `clinic booking`.

internal import ArgumentParser
internal import ClinicMessages

struct ListBookings: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List all bookings: doctors and times; for staff, also the patients.",
        example: "clinic booking list --doctor 3 --from 2026-11-24T00:00:00+11:00")
    static let method = BookingServiceMethods.listBookings

    @Option(help: "Only bookings of this doctor.")
    var doctor: Int64?

    @Option(help: "Only this status, such as booked or no-show.", transform: enumeration(named:))
    var status: BookingStatus?

    @Option(
        help: "Only bookings that start at this instant or later, such as 2026-11-24T00:00:00+11:00.",
        transform: ProtobufTimestamp.parse)
    var from: ProtobufTimestamp?

    @Option(help: "Only bookings that start before this instant.", transform: ProtobufTimestamp.parse)
    var before: ProtobufTimestamp?

    @Option(help: "Only bookings of this patient. For staff.")
    var user: Int64?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter() -> ListBookingsRequest {
        ListBookingsRequest(
            doctorID: doctor ?? 0, status: status ?? .unspecified, startFrom: from, startBefore: before,
            userID: user ?? 0)
    }
}

struct ListMyBookings: ListCommand {
    static let configuration = CommandConfiguration(
        "mine", "List your own bookings.", example: "clinic booking mine --status booked")
    static let method = BookingServiceMethods.listMyBookings

    @Option(help: "Only this status, such as booked or cancelled.", transform: enumeration(named:))
    var status: BookingStatus?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter() -> ListMyBookingsRequest { ListMyBookingsRequest(status: status ?? .unspecified) }
}
