// `clinic health`, once or for as long as somebody wants to know.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import TTRPCMessages

struct Health: RemoteCommand {
    static let configuration = CommandConfiguration(
        "health", "Ask whether the server serves; exit code 7 if it does not.",
        "With --watch it goes on until it is interrupted, over restarts of the server too, and prints a line for every "
            + "change: `Unknown` while the server cannot be reached.",
        example: "clinic health")
    static let method = HealthMethods.check
    static let usesSession = false

    @Argument(help: "The full name of a service; without it, the server as a whole.")
    var service: String?

    @Flag(help: "Follow it: how it stands now, and every change.")
    var watch = false

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> HealthCheckRequest { HealthCheckRequest(service: service ?? "") }

    func run(in console: Console) async throws {
        guard watch else { return try await call(in: console) }
        let remote = try Remote(connection, console)
        try await remote.calling {
            for try await change in remote.client.watchHealth(of: service ?? "") {
                switch remote.settings.output {
                case .json: try console.print(try change.json())
                case .table:
                    let time = ProtobufTimestamp(seconds: console.now()).rfc3339
                    try console.print("\(time)  \(label(change.status))")
                }
            }
        }
    }

    func finish(_ answer: HealthCheckResponse, _ remote: Remote, _ console: Console) throws {
        guard answer.status == .serving else {
            throw CommandFailure("the server does not serve now; try again later", .unavailable)
        }
    }
}
