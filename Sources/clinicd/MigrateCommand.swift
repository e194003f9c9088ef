// `clinicd migrate`.

internal import ArgumentParser
internal import ClinicServer

struct MigrateCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database's schema up to this version, and do nothing else.",
        discussion: """
            `clinicd serve` does so too when it starts. If several run at once, one does the work.

            Example:
              clinicd migrate --database postgresql://clinic@db.example.org/clinic
            """)

    static let optionNames: [any OptionName] = StorageOptions.Name.all

    @OptionGroup var storage: StorageOptions

    func run() async throws {
        try await storage.openBesideDaemon().close()
        say("the schema is up to date")
    }
}
