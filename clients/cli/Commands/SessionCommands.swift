// `clinic login`, `clinic logout` and `clinic whoami`: manage the stored session.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import FoundationEssentials
internal import ProtobufC
internal import Terminal

struct Login: RemoteCommand {
    static let configuration = CommandConfiguration(
        "login", "Sign in.",
        """
        Asks for the password, unless --password-stdin is given. The token is stored in a file that only you can read and \
        is sent to this address only. It is renewed automatically until you have not used it for 30 days.
        """,
        example: "clinic login --email ada@example.com")
    static let method = UserServiceMethods.login
    static let usesSession = false

    @Option(help: "The e-mail you signed up with; asked for if it is missing.")
    var email: String?

    @OptionGroup var password: PasswordOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) throws -> LoginRequest {
        guard let email = try email ?? askForEmail(console) else {
            throw CommandFailure("no e-mail was given; use --email", .usage)
        }
        let stored = StoredSession.find(of: email, at: try Settings(connection, console).addresses, console)
        return LoginRequest(
            email: email,
            password: try console.keyboard.password(fromStandardInput: password.passwordStdin),
            refreshToken: stored?.refreshToken ?? "")
    }

    func store(_ response: LoginResponse, _ remote: RemoteServer, _ console: Console) throws {
        guard let file = SessionFile.find(console) else {
            throw CommandFailure("there is no place to store the session; set HOME or CLINIC_SESSION_FILE")
        }
        try file.write(StoredSession(response, at: remote.settings.addresses))
    }

    private func askForEmail(_ console: Console) throws -> String? {
        guard console.keyboard.isTerminal(), !password.passwordStdin else { return nil }
        return try console.keyboard.ask("E-mail: ", false).flatMap { $0.isEmpty ? nil : $0 }
    }
}

struct Logout: RunnableCommand {
    static let configuration = CommandConfiguration(
        "logout", "Remove the stored session.", example: "clinic logout")

    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        let wasSignedIn = try SessionFile.find(console)?.remove() ?? false
        console.printError(wasSignedIn ? "signed out" : "you were not signed in")
    }
}

struct WhoAmI: RunnableCommand {
    static let configuration = CommandConfiguration(
        "whoami", "Print who is signed in, after asking the server whether the session still holds.",
        example: "clinic whoami")

    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        let remote = try await RemoteServer(connection, console).withRenewedSession(console)
        switch remote.session {
        case .none: throw CommandFailure("you are not signed in; run `clinic login`", .notAllowed)
        case .otherServer(let address):
            throw CommandFailure(
                "you are signed in at \(address), not at \(remote.settings.addresses)", .notAllowed)
        case .expired(let session), .renewable(let session):
            throw CommandFailure(
                "the session of \(session.email) ended at \(session.expiryText); run `clinic login` again",
                .notAllowed)
        case .usable(let session):
            try await remote.perform {
                // An erased user, or one who was signed out, has a token that has not expired.
                _ = try await remote.client.call(UserServiceMethods.getUser, GetUserRequest())
            }
            try print(session, remote.settings.output, console)
        }
    }

    private func print(
        _ session: StoredSession, _ output: OutputForm, _ console: Console
    ) throws {
        let role: Role? = Role(protoName: session.role)
        switch output {
        case .csv: throw RemoteServer.noTable
        case .table:
            let rows = [
                ["E-mail", session.email], ["Role", role.map { label($0) } ?? session.role],
                ["Server", session.address],
                ["Signed in until", session.expiryText],
            ]
            let table = TextTable(rows: rows.map { $0.map(printable) }, numberColumns: [])
            try console.print(table.text)
        case .json, .jsonl:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let form = [
                "email": session.email, "role": session.role, "address": session.address,
                "expire_time": session.expireTime,
            ]
            try console.print(String(decoding: try encoder.encode(form), as: UTF8.self))
        }
    }
}
