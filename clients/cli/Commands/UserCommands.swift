// `clinic user`.

internal import ArgumentParser
internal import ClinicMessages

struct CreateUser: ChangeCommand {
    static let configuration = CommandConfiguration(
        "create", "Sign up as a patient.", "Asks for the password, unless --password-stdin is given.",
        example: "clinic user create --first-name Ada --last-name Lovelace --email ada@example.com")
    static let method = UserServiceMethods.createUser
    static let usesSession = false

    @Option(help: "Given name.")
    var firstName: String

    @Option(help: "Family name.")
    var lastName: String

    @Option(help: "The e-mail to sign in with.")
    var email: String

    @Option(help: "E.164, such as +61255550123, or digits.")
    var phone: String?

    @OptionGroup var password: PasswordOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) throws -> CreateUserRequest {
        CreateUserRequest(
            firstName: firstName, lastName: lastName, phone: phone ?? "", email: email,
            password: try console.keyboard.password(fromStandardInput: password.passwordStdin, isNew: true))
    }
}

struct ListUsers: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the users. For staff.", example: "clinic user list --role staff")
    static let method = UserServiceMethods.listUsers

    @Option(help: "Only the user with this e-mail.")
    var email: String?

    @Option(
        help: "Only patient, staff or admin.", completion: .values(of: Role.self),
        transform: enumeration(named:))
    var role: Role?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListUsersRequest {
        ListUsersRequest(email: email ?? "", role: role ?? .unspecified)
    }
}

struct FindUsers: ListCommand {
    static let configuration = CommandConfiguration(
        "find", "Find users by name, e-mail or phone number. For staff.",
        "Each word is the beginning of a word of name, e-mail or phone number, in any case.",
        example: "clinic user find ada love")
    static let method = UserServiceMethods.listUsers
    static let optionNames = ["query": "WORD"]

    @Argument(help: ArgumentHelp("What the user is known by; at least 2 characters each.", valueName: "word"))
    var words: [String]

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListUsersRequest {
        ListUsersRequest(query: words.joined(separator: " "))
    }
}

/// How the password is read.
struct PasswordOptions: ParsableArguments {
    @Flag(help: "Read the password from the first line of standard input.")
    var passwordStdin = false
}
