// `clinic list` and `clinic describe`: show the schema built into this program with grpcurl's wording, without
// .proto files and without a server.

internal import ArgumentParser
internal import ProtobufC

struct ListServices: RunnableCommand {
    static let configuration = CommandConfiguration(
        "list", "List the services, or the methods of one.", example: "clinic list BookingService")

    @Argument(help: "The service, full or short. Without it the services are listed.")
    var service: String?

    func run(in console: Console) async throws {
        let names =
            if let service { try Schema.service(service).methods.map { "\($0.service)/\($0.name)" } } else {
                Schema.services.map(\.name)
            }
        try console.print(names.map { $0 + "\n" }.joined())
    }
}

struct Describe: RunnableCommand {
    static let configuration = CommandConfiguration(
        "describe", "Show a service, a method, a message or an enumeration of the schema.",
        "Names may omit the package. The fields of a message are those that `clinic call` accepts as JSON.",
        example: "clinic describe BookAppointment")

    @Argument(help: "What to show. Without it all services are shown.", completion: .list(Schema.names))
    var name: String?

    func run(in console: Console) async throws {
        let elements = try name.map { [try Schema.element($0)] } ?? Schema.services.map { .service($0) }
        try console.print(elements.map(\.text).joined(separator: "\n"))
    }
}
