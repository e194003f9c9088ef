// `clinic call`: any method of the schema, from the descriptors in this program. Nothing is generated for it.

internal import ArgumentParser
internal import ClinicClient
internal import ProtobufC
internal import TTRPC

struct Call: RunnableCommand {
    static let configuration = CommandConfiguration(
        "call", "Call any method with a request in JSON.",
        """
        Field names are those of the schema; int64 may be a number or a text, an enumeration is its name, an instant \
        is RFC 3339. The answer is JSON; the answers of a stream are one on a line.
        """,
        example: "clinic call BookingService/ListBookings -d '{\"doctor_id\": 3, \"page_size\": 10}'")

    @Argument(
        help: ArgumentHelp(
            "The service, full or short, and the method. Without it the methods are listed.",
            valueName: "service/method"))
    var method: String?

    @Option(
        name: [.customShort("d"), .long],
        help: ArgumentHelp(
            "The request; @FILE reads it from a file, - from standard input.", valueName: "json"))
    var data = "{}"

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        guard let method else {
            return try console.print(
                Schema.services.flatMap(\.methods).map { "\($0.service)/\($0.name)\n" }.joined())
        }
        let found = try Schema.method(method)
        guard !found.kind.streamsRequests else {
            let text =
                "\(found.service)/\(found.name) takes a stream of requests; call sends single ones only"
            throw CommandFailure(text, .usage)
        }
        let payload = try payload(of: found, console)
        let remote = try await Remote(connection, console).renewingSession(console)
        if found.kind.streamsResponses {
            // A stream may go on for ever: only a time that was asked for ends it.
            let options = CallOptions(timeout: connection.timeout)
            return try await remote.calling {
                for try await answer in try await remote.client.stream(
                    found, payload: payload, options: options)
                {
                    try console.print(try found.response.json(decoding: answer))
                }
            }
        }
        let options = CallOptions(idempotencyKey: change.idempotencyKey)
        let answer = try await remote.calling {
            try await remote.client.call(found, payload: payload, options: options)
        }
        try console.print(try found.response.json(decoding: answer, pretty: true))
    }

    private func payload(of method: AnyMethod, _ console: Console) throws -> [UInt8] {
        do {
            return try method.request.bytes(json: try RequestText.read(data, console))
        } catch let error as JSONDecodingError {
            throw CommandFailure("the request is not a \(method.request.name): \(error)", .usage)
        }
    }
}
