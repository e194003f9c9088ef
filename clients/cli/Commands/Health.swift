// `clinic health`.

internal import ArgumentParser
internal import TTRPCMessages

struct Health: RemoteCommand {
    static let configuration = CommandConfiguration(
        "health", "Ask whether the server serves; exit code 7 if it does not.", example: "clinic health")
    static let method = HealthMethods.check
    static let usesSession = false

    @Argument(help: "The full name of a service; without it, the server as a whole.")
    var service: String?

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> HealthCheckRequest { HealthCheckRequest(service: service ?? "") }

    func finish(_ answer: HealthCheckResponse, _ remote: Remote, _ console: Console) throws {
        guard answer.status == .serving else {
            throw CommandFailure("the server does not serve now; try again later", .unavailable)
        }
    }
}
