// The one way from arguments to an answer on the screen. A command declares its arguments, its method and its request;
// connecting, calling, printing and failing are here.

internal import ArgumentParser
internal import ClinicClient
internal import ProtobufC
internal import TTRPC
internal import Terminal

/// A command that does something.
protocol RunnableCommand: ParsableCommand {
    func run(in console: Console) async throws
}

/// A server that is about to be called, and by whom.
struct Remote {
    let settings: Settings
    var session: SessionState
    let client: ClinicClient

    init(_ options: ConnectionOptions, _ console: Console) throws {
        settings = try Settings(options, console)
        session = SessionState.find(for: settings.address, console)
        var configuration = ClinicClientConfiguration()
        configuration.timeout = settings.timeout
        configuration.tls = settings.tls
        // A person waits: about a second of retries, then the truth.
        configuration.retryPolicy = RetryPolicy(maximumAttempts: 5)
        client = ClinicClient(address: settings.address, token: session.token, configuration: configuration)
    }

    /// Runs calls and closes the connection; what they throw says who called.
    func calling<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        do {
            let answer = try await body()
            await client.close()
            return answer
        } catch let status as Status {
            throw RemoteFailure(status: status, session: session, output: settings.output)
        }
    }
}

/// A command that is one call of a method.
protocol RemoteCommand: RunnableCommand {
    associatedtype Request: Message
    associatedtype Response: Presentable
    static var method: Method<Request, Response> { get }
    var connection: ConnectionOptions { get }
    /// The key of the call, if the person chose one.
    var idempotencyKey: String? { get }
    /// Whether it matters who is signed in.
    static var usesSession: Bool { get }
    func request(_ console: Console) throws -> Request
    func answer(from client: ClinicClient, to request: Request) async throws(Status) -> Response
    /// The line that says what was done; for an answer that does not say it itself.
    func confirmation(of answer: Response) -> String?
    /// What has to be done with the answer before it is printed, which may fail.
    func keep(_ answer: Response, _ remote: Remote, _ console: Console) throws
    /// What is to be said after it is printed.
    func finish(_ answer: Response, _ remote: Remote, _ console: Console) throws
}

extension RemoteCommand {
    static var usesSession: Bool { true }

    var idempotencyKey: String? { nil }

    func answer(from client: ClinicClient, to request: Request) async throws(Status) -> Response {
        try await client.call(Self.method, request, options: CallOptions(idempotencyKey: idempotencyKey))
    }

    func confirmation(of answer: Response) -> String? { nil }

    func keep(_ answer: Response, _ remote: Remote, _ console: Console) throws {}

    func finish(_ answer: Response, _ remote: Remote, _ console: Console) throws {}

    func run(in console: Console) async throws { try await call(in: console) }

    /// Makes the call and prints its answer.
    func call(in console: Console) async throws {
        var remote = try Remote(connection, console)
        let request = try request(console)
        if Self.usesSession { remote = try await remote.renewingSession(console) }
        let answer = try await remote.calling { try await self.answer(from: remote.client, to: request) }
        try keep(answer, remote, console)
        switch remote.settings.output {
        case .json: try console.print(try answer.wholeJSON())
        case .table: try console.print(answer.text)
        }
        if let confirmation = confirmation(of: answer) { console.printError(printable(confirmation)) }
        try finish(answer, remote, console)
    }
}

/// The option of every command that changes something.
struct ChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A text of your own that keeps the change from being made twice, should you run it twice.",
            valueName: "key"))
    var idempotencyKey: String?
}

/// A command that changes something.
protocol ChangeCommand: RemoteCommand {
    var change: ChangeOptions { get }
}

extension ChangeCommand {
    var idempotencyKey: String? { change.idempotencyKey }
}
