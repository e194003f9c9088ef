// `clinic time-off`.

internal import ArgumentParser
internal import ClinicMessages

struct TimeOffCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "time-off", abstract: "For staff: the absences of doctors.",
        subcommands: [CreateTimeOff.self, ListTimeOff.self, DeleteTimeOff.self])
}

struct CreateTimeOff: ChangeCommand {
    static let configuration = CommandConfiguration(
        "create", "Block a doctor's time for appointments. For staff.",
        "Existing bookings in that time stay; their number is printed.",
        example: "clinic time-off create --doctor 3 --from 2026-12-24 --to 2026-12-31")
    static let method = DoctorServiceMethods.createTimeOff

    @Option(help: "The number of the doctor.")
    var doctor: Int64

    @Option(help: "The first day, YYYY-MM-DD, or an instant like 2026-11-24T10:00:00+11:00.")
    var from: String

    @Option(help: "The last day, or the instant at which it ends. [default: the first day]")
    var to: String?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) throws -> CreateTimeOffRequest {
        guard let start = ProtobufTimestamp(rfc3339: from) else {
            return CreateTimeOffRequest(doctorID: doctor, firstDay: from, lastDay: to ?? "")
        }
        guard let end = to.flatMap({ ProtobufTimestamp(rfc3339: $0) }) else {
            throw CommandFailure("if --from is an instant, --to must be one too", .usage)
        }
        return CreateTimeOffRequest(doctorID: doctor, startTime: start, endTime: end)
    }
}

struct ListTimeOff: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the absences of doctors. For staff.", example: "clinic time-off list --doctor 3")
    static let method = DoctorServiceMethods.listTimeOff

    @Option(help: "Only the time off of this doctor.")
    var doctor: Int64?

    @Option(
        help: "Only time off that ends after this instant, such as 2026-11-24T00:00:00+11:00.",
        transform: ProtobufTimestamp.parse)
    var after: ProtobufTimestamp?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter() -> ListTimeOffRequest { ListTimeOffRequest(doctorID: doctor ?? 0, endAfter: after) }
}

struct DeleteTimeOff: ChangeCommand {
    static let configuration = CommandConfiguration(
        "delete", "Delete a time off, which allows appointments again. For staff.",
        example: "clinic time-off delete 4")
    static let method = DoctorServiceMethods.deleteTimeOff

    @Argument(help: "The number of the time off.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteTimeOffRequest { DeleteTimeOffRequest(timeOffID: id) }

    func confirmation(of response: ProtobufEmpty) -> String? { "time off \(id) deleted" }
}
