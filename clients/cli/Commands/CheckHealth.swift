// `clinic health`: checks the server's health once, or watches it.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import RPCMessages

struct CheckHealth: RemoteCommand {
    static let configuration = CommandConfiguration(
        "health", "Check whether the server is serving; exit code 7 if not.",
        "With --watch it continues until interrupted, also across server restarts, and prints a line for every change: "
            + "`Unknown` while the server cannot be reached.",
        example: "clinic health")
    static let method = HealthMethods.check
    static let usesSession = false

    @Argument(help: "The full name of a service; without it, the server as a whole.")
    var service: String?

    @Flag(help: "Print the current status and every change.")
    var watch = false

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> HealthCheckRequest { HealthCheckRequest(service: service ?? "") }

    func run(in console: Console) async throws {
        guard watch else { return try await call(in: console) }
        let remote = try RemoteServer(connection, console)
        console.endWithReader()
        var style = StreamStyle()
        try await remote.perform {
            for try await change in remote.client.watchHealth(of: service ?? "") {
                switch remote.settings.output {
                case .json, .jsonl: try console.print(try change.json())
                case .csv: throw RemoteServer.noTable
                case .table:
                    let time = await style.style(remote, console).times.text(
                        ProtobufTimestamp(seconds: console.now()))
                    try console.print("\(time)  \(label(change.status))")
                }
            }
        }
    }

    func finish(_ response: HealthCheckResponse, _ remote: RemoteServer, _ console: Console) throws {
        guard response.status == .serving else {
            throw CommandFailure("the server is not serving; try again later", .unavailable)
        }
    }
}
