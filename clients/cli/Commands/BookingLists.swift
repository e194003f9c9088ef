// The lists of `clinic booking`.

internal import ArgumentParser
internal import ClinicMessages

struct ListBookings: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List all bookings: doctors and times; for staff, also the patients.",
        example: "clinic booking list --doctor 3 --from today --before '2026-11-24 12:00'")
    static let method = BookingServiceMethods.listBookings

    @Option(help: "Only bookings of this doctor.", completion: .doctors)
    var doctor: Int64?

    @Option(
        help: "Only this status, such as booked or no-show. May be given several times.",
        completion: .values(of: BookingStatus.self),
        transform: enumeration(named:))
    var status: [BookingStatus] = []

    @OptionGroup var period: PeriodOptions

    @Option(help: "Only bookings of this patient. For staff.")
    var user: Int64?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { period.needsClinic }

    func filter(_ console: Console) throws -> ListBookingsRequest {
        ListBookingsRequest(
            doctorID: doctor ?? 0, statuses: status,
            startFrom: try period.start(console),
            startBefore: try period.end(console),
            userID: user ?? 0)
    }
}

struct ListMyBookings: ListCommand {
    static let configuration = CommandConfiguration(
        "mine", "List your own bookings.", example: "clinic booking mine --status booked")
    static let method = BookingServiceMethods.listMyBookings

    @Option(
        help: "Only this status, such as booked or cancelled. May be given several times.",
        completion: .values(of: BookingStatus.self),
        transform: enumeration(named:))
    var status: [BookingStatus] = []

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListMyBookingsRequest {
        ListMyBookingsRequest(statuses: status)
    }
}
