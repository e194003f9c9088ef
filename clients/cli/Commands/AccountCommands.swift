// `clinic user`: commands for one's own account, and for administrators those of others.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct ShowUser: RemoteCommand {
    static let configuration = CommandConfiguration(
        "show", "Show your account; for staff, anyone's.", example: "clinic user show")
    static let method = UserServiceMethods.getUser

    @OptionGroup var user: UserArgument
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetUserRequest { GetUserRequest(userID: user.id ?? 0) }
}

struct UpdateUser: ChangeCommand {
    static let configuration = CommandConfiguration(
        "update", "Change your name, phone or e-mail; for administrators, anyone's.",
        "A new e-mail needs your own password: it is asked for, unless --password-stdin is given.",
        example: "clinic user update --phone +61255550123")
    static let method = UserServiceMethods.updateUser

    @OptionGroup var user: UserArgument

    @Option(help: "Given name.")
    var firstName: String?

    @Option(help: "Family name.")
    var lastName: String?

    @Option(help: "E.164, such as +61255550123, or digits; '' for none.")
    var phone: String?

    @Option(help: "The e-mail to sign in with from now on.")
    var email: String?

    @OptionGroup var password: PasswordOptions
    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) throws -> UpdateUserRequest {
        let mask = try UpdatedFields.mask(of: [
            ("first_name", firstName != nil), ("last_name", lastName != nil), ("phone", phone != nil),
            ("email", email != nil),
        ])
        let user = User(
            firstName: firstName ?? "", lastName: lastName ?? "", phone: phone ?? "", email: email ?? "")
        let currentPassword =
            email == nil
            ? ""
            : try console.keyboard.password(
                fromStandardInput: password.passwordStdin, question: "Your password: ")
        return UpdateUserRequest(
            userID: self.user.id ?? 0, user: user, updateMask: mask, etag: version.etag ?? "",
            currentPassword: currentPassword)
    }
}

struct ChangePassword: RunnableCommand {
    static let configuration = CommandConfiguration(
        "change-password", "Change your password.",
        """
        Asks for the current password and the new one, or reads them from the first two lines of standard input \
        with --password-stdin. Signs you out everywhere, and in again here.
        """,
        example: "clinic user change-password")

    @OptionGroup var password: PasswordOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        var remote = try RemoteServer(connection, console)
        let keyboard = console.keyboard
        let request = ChangePasswordRequest(
            currentPassword: try keyboard.password(
                fromStandardInput: password.passwordStdin, question: "Current password: "),
            newPassword: try keyboard.password(
                fromStandardInput: password.passwordStdin, isNew: true, question: "New password: "))
        remote = try await remote.withRenewedSession(console)
        let login = try await remote.perform { [remote] () throws(Status) -> LoginResponse? in
            _ = try await remote.client.call(
                UserServiceMethods.changePassword, request,
                options: CallOptions(idempotencyKey: change.idempotencyKey))
            guard case .usable(let session) = remote.session else { return nil }
            // The password is changed already, whether or not this login succeeds.
            return try? await remote.client.call(
                UserServiceMethods.login, LoginRequest(email: session.email, password: request.newPassword))
        }
        if let login {
            try SessionFile.find(console)?.write(StoredSession(login, at: remote.settings.addresses))
        } else {
            _ = try SessionFile.find(console)?.remove()
        }
        if remote.settings.output.isJSON { try console.print("{}") }
        console.printError(
            "password changed; you are signed out everywhere"
                + (login == nil ? ", run `clinic login`" : " but here"))
    }
}

struct SetUserRole: ChangeCommand {
    static let configuration = CommandConfiguration(
        "set-role", "Make a user a patient, staff or an administrator. For administrators.",
        "It signs the user out everywhere.", example: "clinic user set-role 8 staff")
    static let method = UserServiceMethods.setUserRole

    @Argument(help: "The number of the user.")
    var id: Int64

    @Argument(
        help: "patient, staff or admin.", completion: .values(of: Role.self),
        transform: enumeration(named:))
    var role: Role

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> SetUserRoleRequest {
        SetUserRoleRequest(userID: id, role: role, etag: version.etag ?? "")
    }
}

struct SignOutUser: ChangeCommand {
    static let configuration = CommandConfiguration(
        "sign-out", "Sign out everywhere; for administrators, anyone.", example: "clinic user sign-out")
    static let method = UserServiceMethods.revokeTokens

    @OptionGroup var user: UserArgument
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> RevokeTokensRequest { RevokeTokensRequest(userID: user.id ?? 0) }

    func store(_ response: RevokeTokensResponse, _ remote: RemoteServer, _ console: Console) throws {
        if user.id == nil { _ = try SessionFile.find(console)?.remove() }
    }

    func confirmation(of response: RevokeTokensResponse) -> String? {
        user.id.map { "user \($0) signed out everywhere" } ?? "signed out everywhere"
    }
}

struct ExportUser: RunnableCommand {
    static let configuration = CommandConfiguration(
        "export", "Print everything held about you; for administrators, about anyone.",
        example: "clinic user export --output json")

    @OptionGroup var user: UserArgument
    @OptionGroup var connection: ConnectionOptions

    /// Prints the pages as one document.
    func run(in console: Console) async throws {
        let remote = try await RemoteServer(connection, console).withRenewedSession(console)
        let userID = user.id ?? 0
        try await remote.perform {
            let data = try await remote.client.exportUserData(of: userID)
            try await remote.print(data, console)
        }
    }
}

struct EraseUser: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "erase", "Erase the personal data of a user: yours or, for administrators, anyone's.",
        """
        Erases name, phone, e-mail and password; future bookings are cancelled and refunded. This cannot be undone, so \
        the command asks for the number again, unless --yes is given.
        """,
        example: "clinic user erase 8")
    static let method = UserServiceMethods.eraseUser

    @Argument(help: "The number of the user; `clinic user show` has yours.")
    var id: Int64

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> EraseUserRequest { EraseUserRequest(userID: id) }

    var question: String { "It cannot be undone. Repeat the number of the user: " }

    func accepts(_ answer: String) -> Bool { answer == String(id) }

    func consequence(_ client: ClinicClient) async throws(Status) -> String {
        let preview = try await client.call(Self.method, EraseUserRequest(userID: id, validateOnly: true))
        return ["erase the personal data of user \(id)", preview.plan].compactMap(\.self)
            .joined(separator: ", ")
    }

    func confirmation(of response: EraseUserResponse) -> String? {
        ["user \(id) erased", response.outcome].compactMap(\.self).joined(separator: "; ")
    }
}

/// The account to act on.
struct UserArgument: ParsableArguments {
    @Argument(help: "The number of the user; without it, you.")
    var id: Int64?
}
