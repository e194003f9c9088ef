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
        let open = try await Storage.open(storage, borrowing: true, logger: storage.logger())
        do {
            let summary = try await DemoClinic(
                settings: settings, database: open.database, passwords: BcryptPool(cost: passwords.bcryptCost)
            ).fill()
            await open.close()
            say("\(summary)")
        } catch {
            await open.close()
            throw Failure("\(error)")
        }
    }
}
