// The option of every command that books a time.

internal import ArgumentParser
internal import ClinicMessages

/// The start of an appointment.
struct StartOption: ParsableArguments {
    /// The start as a request has it.
    enum Time {
        case instant(ProtobufTimestamp)
        /// A time of the clinic's clock, which only the server can validate.
        case local(String)
    }

    @Option(
        help: ArgumentHelp(
            "The start: '2026-11-24 10:00', 'tomorrow 9:30' or 'mon 9:30' in the clinic's time zone, or an instant like "
                + "2026-11-24T10:00:00+11:00.",
            valueName: "time"),
        transform: GivenTime.parse)
    var at: GivenTime

    static let names = ["start_time": "--at", "booking_date_time": "--at"]

    var needsClinic: Bool { at.isRelative }

    func validate() throws {
        if case .day = at { throw ValidationError("--at needs a time of day too, such as 'tomorrow 9:30'") }
    }

    func time(_ console: Console) throws(CommandFailure) -> Time {
        switch at {
        case .instant(let instant): .instant(instant)
        case .local(let day, let secondOfDay): .local(try console.clock.localText(day, secondOfDay))
        case .day: throw CommandFailure("--at needs a time of day too, such as 'tomorrow 9:30'", .usage)
        }
    }
}
