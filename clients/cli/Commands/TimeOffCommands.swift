// `clinic time-off`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

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

    @Option(help: "The number of the doctor.", completion: .doctors)
    var doctor: Int64

    @Option(
        help:
            "The first day, such as 2026-12-24, or the time at which it begins, such as '2026-12-24 12:00'.",
        transform: GivenTime.parse)
    var from: GivenTime

    @Option(
        help: "The last day, or the time at which it ends. [default: the first day]",
        transform: GivenTime.parse
    )
    var to: GivenTime?

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = [
        "first_day": "--from", "last_day": "--to", "start_time": "--from", "end_time": "--to",
    ]

    var needsClinic: Bool {
        isInDays ? from.isRelative || to?.isRelative ?? false : from.isLocal || to?.isLocal ?? false
    }

    private var isInDays: Bool {
        [from, to].allSatisfy { time in
            if case .day? = time { true } else { time == nil }
        }
    }

    func request(_ console: Console) throws -> CreateTimeOffRequest {
        if isInDays {
            return CreateTimeOffRequest(
                doctorID: doctor, firstDay: try console.clock.day(from),
                lastDay: try to.map(console.clock.day) ?? "")
        }
        guard let to else { throw CommandFailure("if --from is a time, --to is needed too", .usage) }
        if case .day = to {
            throw CommandFailure("if --from is a time, --to must be one too", .usage)
        }
        return CreateTimeOffRequest(
            doctorID: doctor, startTime: try console.clock.instant(from),
            endTime: try console.clock.instant(to))
    }
}

struct ListTimeOff: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the absences of doctors. For staff.", example: "clinic time-off list --doctor 3")
    static let method = DoctorServiceMethods.listTimeOff

    @Option(help: "Only the time off of this doctor.", completion: .doctors)
    var doctor: Int64?

    @Option(
        help: "Only time off that ends after this day or time, such as today or '2026-11-24 09:00'.",
        transform: GivenTime.parse)
    var after: GivenTime?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { after?.isLocal ?? false }

    func filter(_ console: Console) throws -> ListTimeOffRequest {
        ListTimeOffRequest(doctorID: doctor ?? 0, endAfter: try after.map(console.clock.instant))
    }
}

struct DeleteTimeOff: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "delete", "Delete a time off, which allows appointments again. For staff.",
        example: "clinic time-off delete 4")
    static let method = DoctorServiceMethods.deleteTimeOff

    @Argument(help: "The number of the time off.")
    var id: Int64

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteTimeOffRequest { DeleteTimeOffRequest(timeOffID: id) }

    func confirmation(of response: DeleteTimeOffResponse) -> String? { "time off \(id) deleted" }

    func consequence(_ client: ClinicClient) -> String {
        "delete time off \(id), which allows appointments again"
    }
}
