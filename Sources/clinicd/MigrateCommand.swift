// `clinicd migrate`.

internal import ArgumentParser

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database's schema up to this version, and do nothing else.",
        discussion: """
            `clinicd serve` does so too when it starts. Several may run at once: one does the work.

            Example:
              clinicd migrate --database postgresql://clinic@db.example.org/clinic
            """)

    @OptionGroup var storage: StorageOptions

    func run() async throws {
        try await Storage.openBesideDaemon(storage, logger: storage.logger()).close()
        say("the schema is up to date")
    }
}
