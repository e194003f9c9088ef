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
        "The days are the clinic's; a week from today unless you say otherwise, 31 at most.",
        example: "clinic slot search --department 2 --from 2026-11-24 --to 2026-11-28")
    static let method = BookingServiceMethods.searchSlots

    @Option(help: "The number of the department.")
    var department: Int64?

    @Option(help: "The number of the doctor.")
    var doctor: Int64?

    @Option(help: "The first day, YYYY-MM-DD. [default: today]")
    var from: String?

    @Option(help: "The last day, YYYY-MM-DD. [default: six days later]")
    var to: String?

    @Option(help: "How many slots of each doctor to print, at most 500. [default: 500]")
    var limit: Int64?

    @Option(help: "Where to go on: the token printed after the page before.")
    var pageToken: String?

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard (department == nil) != (doctor == nil) else {
            throw ValidationError("either --department or --doctor is needed")
        }
    }

    func request(_ console: Console) -> SearchSlotsRequest {
        let subject: SearchSlotsRequest.Subject? =
            department.map { .departmentID($0) } ?? doctor.map { .doctorID($0) }
        return SearchSlotsRequest(
            subject: subject, startDate: from ?? "", endDate: to ?? "", slotsPerDoctor: limit ?? 0,
            pageToken: pageToken ?? "")
    }

    func finish(_ answer: SearchSlotsResponse, _ remote: Remote, _ console: Console) throws {
        guard remote.settings.output == .table else { return }
        if answer.doctors.isEmpty { console.printError("nothing found") }
        if !answer.nextPageToken.isEmpty {
            console.printError("more: " + NextPage.command(console.arguments, token: answer.nextPageToken))
        }
    }
}
