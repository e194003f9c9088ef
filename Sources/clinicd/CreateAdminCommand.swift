// `clinicd create-admin`. No administrator exists before it was run: there is no default password to forget.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicService
internal import ClinicStore

struct CreateAdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-admin", abstract: "Make an administrator, of an existing user too.",
        discussion: """
            Reads one line with the password from standard input. Works whether or not the daemon runs.

            Example:
              echo "$PASSWORD" | clinicd create-admin --email ann@example.org --first-name Ann --last-name Lee
            """)

    @Option(help: ArgumentHelp("The e-mail to sign in with.", valueName: "e-mail"))
    var email: String

    @Option(help: ArgumentHelp("Given name.", valueName: "name"))
    var firstName: String?

    @Option(help: ArgumentHelp("Family name.", valueName: "name"))
    var lastName: String?

    @OptionGroup var storage: StorageOptions
    @OptionGroup var passwords: PasswordOptions

    func run() async throws {
        guard let password = readLine(strippingNewline: true) else {
            throw Failure("no password: give it as one line on standard input")
        }
        let open = try await Storage.open(storage, borrowing: true, logger: storage.logger())
        do {
            let user = try await Administrators(
                database: open.database, passwords: BcryptPool(cost: passwords.bcryptCost)
            )
            .make(email: email, password: password, firstName: firstName, lastName: lastName)
            await open.close()
            say("\(user.email) is an administrator (user \(user.id))")
        } catch {
            await open.close()
            throw Failure("\(error)")
        }
    }
}
