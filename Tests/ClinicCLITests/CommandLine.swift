// Runs whole commands in the test's process, with their own environment, keyboard and output.

import ArgumentParser
import ClinicClient
import ClinicMessages
import Foundation
import Logging
import NIOPosix
import ProtobufC
import RPC
import Scheduling
import Synchronization
import TTRPC
import TestCleanup
import TimeZones

@testable import clinic

/// The result of a command.
struct Outcome {
    let status: ExitStatus
    let output: String
    let errors: String
}

/// A command line with a test server and a directory of its own, which is removed at the end.
final class TestCommandLine: Sendable {
    /// A call that the server received.
    struct ReceivedCall: Sendable {
        let method: String
        let metadata: Metadata
    }

    let directory: String
    private let arrived = Mutex<[ReceivedCall]>([])

    init() throws {
        directory = "/tmp/clinic-cli-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    var address: Address { .unix(path: directory + "/clinic.sock") }
    var sessionPath: String { directory + "/state/clinic/session.json" }
    var arrivals: [ReceivedCall] { arrived.withLock { $0 } }
    var environment: [String: String] {
        [
            "CLINIC_ADDRESS": address.description, "CLINIC_TIMEOUT": "2m",
            "XDG_STATE_HOME": directory + "/state",
        ]
    }

    /// Runs `clinic` with these arguments.
    func run(_ arguments: String..., environment more: [String: String] = [:], now: Int64? = nil) async
        -> Outcome
    {
        await run(arguments, environment: more, now: now)
    }

    /// Runs `clinic`; the typed lines answer its prompts, or are its standard input.
    func run(
        _ arguments: [String], typing lines: [String] = [], isTerminal: Bool = false,
        environment more: [String: String] = [:], now: Int64? = nil, width: Int? = nil
    ) async -> Outcome {
        let output = Mutex("")
        let errors = Mutex("")
        let left = Mutex(lines[...])
        var console = Console(
            arguments: arguments, environment: environment.merging(more) { $1 },
            writeOutput: { text in output.withLock { $0 += text } },
            writeError: { text in errors.withLock { $0 += text } },
            keyboard: Keyboard(
                isTerminal: { isTerminal },
                ask: { question, _ in
                    errors.withLock { $0 += question }
                    return left.withLock { $0.popFirst() }
                },
                readLine: { left.withLock { $0.popFirst() } }))
        if let now { console.now = { now } }
        console.terminal = width.map { OutputTerminal(width: $0, height: 24, isColoured: false) }
        let status = await Entry.run(arguments, in: console)
        return Outcome(status: status, output: output.withLock { $0 }, errors: errors.withLock { $0 })
    }

    /// Serves these methods while the body runs.
    func serving(
        _ registration: (inout Methods) -> Void, during body: () async throws -> Void
    ) async throws {
        var methods = Methods(arrived: { arrival in self.arrived.withLock { $0.append(arrival) } })
        methods.table.register(ClinicServiceMethods.getClinic) { _ in
            Clinic(timeZone: "Australia/Sydney", currencyCode: "AUD")
        }
        registration(&methods)
        let server = Server(
            router: methods.table, wire: .ttrpc, group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test"))
        _ = try await server.listen(on: address)
        try await withCleanup(server.shutdown, body)
    }

    /// Registers handlers.
    struct Methods {
        fileprivate let arrived: @Sendable (ReceivedCall) -> Void
        fileprivate var table = Router()

        mutating func on<Request, Response>(
            _ method: ProtobufC.Method<Request, Response>,
            _ handler: @escaping @Sendable (Request) throws -> Response
        ) {
            let arrived = arrived
            table.register(method) { call in
                arrived(ReceivedCall(method: call.method, metadata: call.metadata))
                return try handler(try call.request())
            }
        }

        /// Registers a handler that streams these responses.
        mutating func on<Request, Response>(
            _ method: ServerStreamingMethod<Request, Response>,
            _ handler: @escaping @Sendable (Request) throws -> [Response]
        ) {
            let arrived = arrived
            table.register(method) { call, responses in
                arrived(ReceivedCall(method: call.method, metadata: call.metadata))
                for response in try handler(try call.request()) { try await responses.send(response) }
            }
        }
    }
}

/// A clinic in Sydney.
var sydney: ClinicFacts {
    ClinicFacts(zone: try? TimeZoneDatabase.load("Australia/Sydney"), currency: "AUD")
}

extension Presentable {
    /// The text on something that is not a terminal, with Sydney's time.
    var text: String {
        (try? text(TextStyle(times: TimeStyle(zone: sydney.zone), clinic: sydney))) ?? "there is no text"
    }
}

/// The request that a command line produces for a clinic in Sydney, without a server.
func request<Command: RemoteCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command.Request {
    guard let command = try ClinicCommand.parseAsRoot(arguments) as? Command else {
        throw ValidationError("the arguments name another command")
    }
    var console = Console(
        writeOutput: { _ in }, writeError: { _ in },
        keyboard: Keyboard(isTerminal: { false }, ask: { _, _ in nil }, readLine: { "correct horse" }))
    console.clinic = sydney
    console.now = { 1_796_076_000 }
    return try command.request(console)
}
