// `clinic slot`.

internal import ArgumentParser
internal import ClinicMessages

struct SlotCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slot", abstract: "Find free slots.", subcommands: [SearchSlots.self])
}

struct SearchSlots: RemoteCommand {
    static let configuration = CommandConfiguration(
        "search", "Find free slots of a department's doctors, or of one doctor.",
        "Days are in the clinic's time zone. The default is one week from today, the maximum 31 days.",
        example: "clinic slot search --department 2 --from 2026-11-24 --to 2026-11-28")
    static let method = BookingServiceMethods.searchSlots

    @Option(help: "The number of the department.", completion: .departments)
    var department: Int64?

    @Option(help: "The number of the doctor.", completion: .doctors)
    var doctor: Int64?

    @Option(
        help: "The first day, such as 2026-11-24 or tomorrow. [default: today]", transform: GivenTime.parse)
    var from: GivenTime?

    @Option(help: "The last day. [default: six days later]", transform: GivenTime.parse)
    var to: GivenTime?

    @Option(help: "How many slots to print per doctor, at most 500. [default: 500]")
    var limit: Int64?

    @Option(help: "The token of the page to print, shown after the previous page.")
    var pageToken: String?

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard (department == nil) != (doctor == nil) else {
            throw ValidationError("either --department or --doctor is needed")
        }
    }

    static let optionNames = ["first_day": "--from", "last_day": "--to", "slots_per_doctor": "--limit"]

    var needsClinic: Bool { [from, to].contains { $0?.isRelative ?? false } }

    func request(_ console: Console) throws -> SearchSlotsRequest {
        let subject: SearchSlotsRequest.Subject? =
            department.map { .departmentID($0) } ?? doctor.map { .doctorID($0) }
        return SearchSlotsRequest(
            subject: subject, firstDay: try from.map(console.clock.day) ?? "",
            lastDay: try to.map(console.clock.day) ?? "", slotsPerDoctor: limit ?? 0,
            pageToken: pageToken ?? "")
    }

    func finish(_ response: SearchSlotsResponse, _ remote: RemoteServer, _ console: Console) throws {
        guard remote.settings.output == .table else { return }
        if response.doctors.isEmpty { console.printError("nothing found") }
        if !response.nextPageToken.isEmpty {
            console.printError("more: " + NextPage.command(console.arguments, token: response.nextPageToken))
        }
    }
}
