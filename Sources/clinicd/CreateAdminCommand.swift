// `clinicd create-admin`. A new database has no administrator, so that no default password can stay in use.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import Glibc

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

    /// The first line of standard input. Bytes that are not UTF-8 are refused: nobody could type that password again.
    private static func readPassword() throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= 1024, read(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard !line.isEmpty else { throw Failure("no password: give it as one line on standard input") }
        guard let password = String(validating: line, as: UTF8.self) else {
            throw Failure("the password on standard input is not UTF-8 text")
        }
        return password
    }
}
