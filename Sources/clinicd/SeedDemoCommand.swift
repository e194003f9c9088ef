// `clinicd seed-demo`.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicService

struct SeedDemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed-demo", abstract: "Fill an empty database with a believable clinic.",
        discussion: """
            8 departments, 40 doctors, 6 patients and their bookings. The patients sign in with the password \
            "\(DemoClinic.password)". Refuses a database that has departments already.

            Example:
              clinicd seed-demo --data-dir ./demo
            """)

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    func run() async throws {
        let settings = try clinic.settings()
        let passwords = try BcryptPool(cost: passwords.bcryptCost)
        let storage = try await Storage.openBesideDaemon(storage, logger: storage.logger())
        let summary = try await storage.closing { database in
            try await DemoClinic(settings: settings, database: database, passwords: passwords).fill()
        }
        say(summary)
    }
}
