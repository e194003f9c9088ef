// `clinicd create-admin`. No administrator exists before it was run: there is no default password to forget.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicService
internal import ClinicStore
internal import Glibc

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
        let password = try Self.readPassword()
        let passwords = try BcryptPool(cost: passwords.bcryptCost)
        let storage = try await Storage.openBesideDaemon(storage, logger: storage.logger())
        let user = try await storage.closing { database in
            try await Administrators(users: UserStore(database: database), passwords: passwords)
                .make(email: email, password: password, firstName: firstName, lastName: lastName)
        }
        say("\(user.email) is an administrator (user \(user.id))")
    }

    /// The first line of standard input. It is not repaired: a password that is not text could not be typed again.
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
