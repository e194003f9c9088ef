// `clinic booking today`.

internal import ArgumentParser
internal import ClinicMessages
internal import Scheduling

struct TodayBookings: ListCommand {
    static let configuration = CommandConfiguration(
        "today", "List the bookings of today, or of another day; for staff, with the patients.",
        example: "clinic booking today --doctor 3")
    static let method = BookingServiceMethods.listBookings

    @Option(help: "Only bookings of this doctor.", completion: .doctors)
    var doctor: Int64?

    @Option(help: "The day, such as tomorrow or mon. [default: today]", transform: GivenTime.parse)
    var day: GivenTime = .day(.daysAhead(0))

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { true }

    func filter(_ console: Console) throws -> ListBookingsRequest {
        let date = try console.clock.date(day)
        return ListBookingsRequest(
            doctorID: doctor ?? 0, startFrom: try console.clock.instant(.day(.date(date))),
            startBefore: try date.adding(days: 1).map { try console.clock.instant(.day(.date($0))) })
    }
}
