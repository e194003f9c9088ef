// The common path from arguments to printed output. A command declares its arguments, method and request;
// connecting, calling, printing and error handling are here.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import RPC
internal import Terminal
internal import TimeZones

/// A command that can be run.
protocol RunnableCommand: ParsableCommand {
    func run(in console: Console) async throws
}

/// The server to call and the caller's session.
struct RemoteServer {
    let settings: Settings
    var session: SessionState
    let client: ClinicClient

    init(_ options: ConnectionOptions, _ console: Console) throws {
        settings = try Settings(options, console)
        session = SessionState.find(for: settings.addresses, console)
        var configuration = ClinicClientConfiguration()
        configuration.timeout = settings.timeout
        configuration.tls = settings.tls
        configuration.retryPolicy.willRetry = console.retryReporter(within: settings.timeout)
        client = ClinicClient(
            addresses: settings.addresses, token: session.token, configuration: configuration)
    }

    /// Runs the body and closes the connection. A failed call is reported together with the session.
    func perform<Output>(_ body: () async throws -> Output) async throws -> Output {
        do {
            let output = try await body()
            await client.close()
            return output
        } catch let status as Status {
            throw RemoteFailure(status: status, session: session)
        }
    }

    /// What the server tells of the clinic; nothing if it does not tell.
    func clinicFacts() async throws -> ClinicFacts {
        do throws(Status) {
            let clinic = try await client.call(ClinicServiceMethods.getClinic, GetClinicRequest())
            return ClinicFacts(
                zone: try? TimeZoneDatabase.load(clinic.timeZone),
                currency: clinic.currencyCode.isEmpty ? nil : clinic.currencyCode)
        } catch {
            switch error.code {
            case .unimplemented, .unauthenticated, .permissionDenied: return ClinicFacts()
            default: throw RemoteFailure(status: error, session: session)
            }
        }
    }
}

/// A command that calls one method.
protocol RemoteCommand: RunnableCommand {
    associatedtype Request: Message
    associatedtype Response: Presentable
    static var method: Method<Request, Response> { get }
    var connection: ConnectionOptions { get }
    /// The idempotency key, if the user chose one.
    var idempotencyKey: String? { get }
    /// Whether the call uses the stored session.
    static var usesSession: Bool { get }
    /// Whether the request depends on the clinic's time zone or currency.
    var needsClinic: Bool { get }
    /// The options of fields whose names differ from theirs.
    static var optionNames: [String: String] { get }
    func request(_ console: Console) throws -> Request
    func response(from client: ClinicClient, to request: Request) async throws(Status) -> Response
    /// A message about what was done, for a response that does not show it.
    func confirmation(of response: Response) -> String?
    /// Stores what must be kept of the response before it is printed.
    func store(_ response: Response, _ remote: RemoteServer, _ console: Console) throws
    /// Prints messages after the response.
    func finish(_ response: Response, _ remote: RemoteServer, _ console: Console) throws
}

extension RemoteCommand {
    static var usesSession: Bool { true }

    static var optionNames: [String: String] { [:] }

    var needsClinic: Bool { false }

    var idempotencyKey: String? { nil }

    func response(from client: ClinicClient, to request: Request) async throws(Status) -> Response {
        try await client.call(Self.method, request, options: CallOptions(idempotencyKey: idempotencyKey))
    }

    func confirmation(of response: Response) -> String? { nil }

    func store(_ response: Response, _ remote: RemoteServer, _ console: Console) throws {}

    func finish(_ response: Response, _ remote: RemoteServer, _ console: Console) throws {}

    func run(in console: Console) async throws { try await call(in: console) }

    /// Makes the call and prints the response.
    func call(in console: Console) async throws {
        var console = console
        var remote = try RemoteServer(connection, console)
        if needsClinic {
            if Self.usesSession { remote = try await remote.withRenewedSession(console) }
            console.clinic = try await remote.clinicFacts()
        }
        let request = try request(console)
        if Self.usesSession { remote = try await remote.withRenewedSession(console) }
        do {
            let response = try await remote.perform { [console] in
                let response = try await self.response(from: remote.client, to: request)
                try store(response, remote, console)
                try await remote.print(response, console)
                return response
            }
            if let confirmation = confirmation(of: response) { console.printError(printable(confirmation)) }
            try finish(response, remote, console)
        } catch var failure as RemoteFailure {
            failure.options = OptionNames(
                arguments: console.arguments, aliases: Self.optionNames, currency: console.clinic.currency)
            throw failure
        }
    }
}

/// The option of every command that changes state.
struct ChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A text of your choice; running the command again with it makes the change only once.",
            valueName: "key"))
    var idempotencyKey: String?
}

/// A command that changes state.
protocol ChangeCommand: RemoteCommand {
    var change: ChangeOptions { get }
}

extension ChangeCommand {
    var idempotencyKey: String? { change.idempotencyKey }
}
