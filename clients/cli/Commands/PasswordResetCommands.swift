// `clinic user reset-password` and `clinic user resets`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct ResetUserPassword: ChangeCommand {
    static let configuration = CommandConfiguration(
        "reset-password", "Print a token with which a user sets a new password. For administrators.",
        "The token counts once, for 30 minutes. Give it to the user in person, for `clinic reset-password`.",
        example: "clinic user reset-password 8")
    static let method = UserServiceMethods.createPasswordReset

    @Argument(help: "The number of the user, who is no administrator.")
    var id: Int64

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> CreatePasswordResetRequest { CreatePasswordResetRequest(userID: id) }
}

struct ResetPassword: ChangeCommand {
    static let configuration = CommandConfiguration(
        "reset-password", "Set a new password with the token that an administrator gave you.",
        """
        Asks for the token and the password, unless --password-stdin is given: then they are the first two lines of \
        standard input. You are signed out everywhere.
        """,
        example: "clinic reset-password")
    static let method = UserServiceMethods.resetPassword
    static let usesSession = false

    @OptionGroup var password: PasswordOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) throws -> ResetPasswordRequest {
        let (keyboard, fromInput) = (console.keyboard, password.passwordStdin)
        return ResetPasswordRequest(
            token: try keyboard.password(fromStandardInput: fromInput, question: "Token: "),
            password: try keyboard.password(
                fromStandardInput: fromInput, isNew: true, question: "New password: "))
    }

    func confirmation(of response: ResetPasswordResponse) -> String? {
        "the password is set; sign in with `clinic login`"
    }
}

struct ListPasswordResets: ListCommand {
    static let configuration = CommandConfiguration(
        "resets", "List who has asked for a new password. For administrators.",
        example: "clinic user resets")
    static let method = UserServiceMethods.listPasswordResetRequests

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListPasswordResetRequestsRequest { ListPasswordResetRequestsRequest() }
}

extension CreatePasswordResetResponse: TableRow {
    static let columns: [Column<CreatePasswordResetResponse>] = [
        Column("Token") { $0.token },
        .time("Expires") { $0.expireTime },
    ]
}

extension OpenPasswordReset: TableRow {
    static let columns: [Column<OpenPasswordReset>] = [
        Column("User", isNumber: true) { String($0.userID) },
        Column("E-mail") { $0.email },
        Column("Name") { name($0.firstName, $0.lastName) },
        .time("Asked") { $0.requestTime },
    ]
}

extension ListPasswordResetRequestsResponse: Presentable {}
