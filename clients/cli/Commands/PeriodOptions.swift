// The options of lists that are limited to a time.

internal import ArgumentParser
internal import ClinicMessages

/// The time from which and up to which a list goes.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: "Only from this day or time on, such as today or '2026-11-24 09:00'.",
        transform: GivenTime.parse)
    var from: GivenTime?

    @Option(help: "Only before this day or time.", transform: GivenTime.parse)
    var before: GivenTime?

    var needsClinic: Bool { [from, before].contains { $0?.isLocal ?? false } }

    func start(_ console: Console) throws -> ProtobufTimestamp? { try from.map(console.clock.instant) }

    func end(_ console: Console) throws -> ProtobufTimestamp? { try before.map(console.clock.instant) }
}
