// `clinic-load`: puts a known load on a deployment and says what came of it.

internal import ArgumentParser

@main
struct ClinicLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic-load", abstract: "Put load on a clinic and measure what comes of it.",
        subcommands: [CompareCommand.self])
}
