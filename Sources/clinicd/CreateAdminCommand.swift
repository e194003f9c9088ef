// `clinicd create-admin`. A new database has no administrator, so that no default password can stay in use.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import ProgramInput

struct CreateAdminCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-admin", abstract: "Make an administrator, of an existing user too.",
        discussion: """
            Reads one line with the password from standard input. Works whether or not the daemon runs.

            Example:
              echo "$PASSWORD" | clinicd create-admin --email ann@example.org --first-name Ann --last-name Lee
            """)

    enum Name: String, OptionName {
        case email
        case firstName = "first-name"
        case lastName = "last-name"
    }

    static let optionNames: [any OptionName] = Name.all + StorageOptions.Name.all + PasswordOptions.Name.all

    @Option(
        name: Name.email.specification, help: ArgumentHelp("The e-mail to sign in with.", valueName: "e-mail")
    )
    var email: String

    @Option(name: Name.firstName.specification, help: ArgumentHelp("Given name.", valueName: "name"))
    var firstName: String?

    @Option(name: Name.lastName.specification, help: ArgumentHelp("Family name.", valueName: "name"))
    var lastName: String?

    @OptionGroup var storage: StorageOptions
    @OptionGroup var passwords: PasswordOptions

    func run() async throws {
        let password = try Self.readPassword()
        let passwords = try BcryptPool(cost: passwords.bcryptCost)
        let database = try await storage.openBesideDaemon()
        let user = try await database.closing { database in
            try await Administrators(users: UserStore(database: database.database), passwords: passwords)
                .make(email: email, password: password, firstName: firstName, lastName: lastName)
        }
        say("\(user.email) is an administrator (user \(user.id))")
    }

    /// The first line of standard input.
    private static func readPassword() throws -> String {
        guard let password = try ProgramInput.line(), !password.isEmpty else {
            throw Failure("no password: give it as one line on standard input")
        }
        return password
    }
}
