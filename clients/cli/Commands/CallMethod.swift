// `clinic call`: calls any method of the schema through the built-in descriptors, without generated code.

internal import ArgumentParser
internal import ClinicClient
internal import ProtobufC
internal import RPC
internal import TTRPC

struct CallMethod: RunnableCommand {
    static let configuration = CommandConfiguration(
        "call", "Call any method with a request in JSON.",
        """
        Field names are those of the schema; int64 may be a number or a string, an enumeration is a name, a timestamp \
        is RFC 3339. The response is JSON; the responses of a stream are printed one per line.
        """,
        example: "clinic call BookingService/ListBookings -d '{\"doctor_id\": 3, \"page_size\": 10}'")

    @Argument(
        help: ArgumentHelp(
            "The service, full or short, and the method. Without it the methods are listed.",
            valueName: "service/method"), completion: .methods)
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
        let remote = try await RemoteServer(connection, console).withRenewedSession(console)
        if found.kind.streamsResponses {
            // A stream may be endless, so only an explicit timeout ends it.
            let options = CallOptions(timeout: connection.timeout)
            console.endWithReader()
            return try await remote.perform {
                for try await response in try await remote.client.stream(
                    found, payload: payload, options: options)
                {
                    try console.print(try found.response.json(decoding: response))
                }
            }
        }
        let options = CallOptions(idempotencyKey: change.idempotencyKey)
        let response = try await remote.perform {
            try await remote.client.call(found, payload: payload, options: options)
        }
        try console.print(try found.response.json(decoding: response, pretty: true))
    }

    private func payload(of method: AnyMethod, _ console: Console) throws -> [UInt8] {
        do {
            return try method.request.bytes(json: try RequestText.read(data, console))
        } catch let error as JSONDecodingError {
            throw CommandFailure("the request is not a \(method.request.name): \(error)", .usage)
        }
    }
}
