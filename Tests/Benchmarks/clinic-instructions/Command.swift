// `clinic-instructions CALLS IN-A-READ`: answers so many Health/Check calls on a connection without a socket, through
// all that a call of the daemon passes: frames, dispatch, identity, limits, metrics, answers in one write. It prints
// nothing; Tests/Benchmarks/instructions runs it under callgrind, which counts.
//
// Valgrind cannot follow it onto a second thread, so there is none: the event loop is turned by hand, and the caller is
// known from the start.

internal import ClinicService
internal import ClinicStore
internal import Logging
internal import Monitoring
internal import NIOCore
internal import NIOEmbedded
internal import ProtobufC
internal import RPC
internal import RPCMessages
internal import Scheduling
internal import TTRPC
internal import TTRPCMessages

@main
struct Command {
    static func main() throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 2, let calls = numbers.first, let inARead = numbers.last, inARead > 0 else {
            throw Failure("usage: clinic-instructions CALLS IN-A-READ")
        }
        var connection = try Connection(inARead: inARead)
        // What happens once happens here: the token is verified and remembered, buffers grow, caches fill.
        for _ in 0..<20 { try connection.callOnce() }
        for _ in 0..<(calls / inARead) { try connection.callOnce() }
    }
}

/// What ends the program, in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One connection of the server, and the requests that arrive in one read.
private struct Connection {
    private static let headerBytes = 10
    /// Response { payload: HealthCheckResponse { status: SERVING } } in its frame.
    private static let answerBytes = headerBytes + 4

    private let loop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel
    private let inARead: Int
    private var requests: ByteBuffer
    private let requestBytes: Int
    private var nextStreamID: UInt32 = 1

    init(inARead: Int) throws {
        let logger = Logger(label: "clinicd") { LineLogHandler(label: $0, format: .text) }
        let keys = try SigningKeys(secret: Array(repeating: 7, count: 32))
        let userID: Int64 = 7
        let token = try AccessTokens(keys: keys).issue(userID: userID, role: .patient, now: .now).text
        var configuration = ServerConfiguration()
        configuration.errorDomain = clinicErrorDomain
        configuration.metricsPrefix = "clinic"
        let families = [
            MetricFamily("clinic_calls_total", .counter, help: ""),
            MetricFamily("clinic_call_duration_seconds", .histogram, help: ""),
            MetricFamily("clinic_received_bytes_total", .counter, help: ""),
            MetricFamily("clinic_sent_bytes_total", .counter, help: ""),
        ]
        let server = Server(
            router: try healthMethods(
                of: HealthService(services: clinicServiceNames), signingKeys: keys, patient: userID,
                logger: logger), wire: .ttrpc,
            configuration: configuration, group: loop, logger: logger,
            metrics: MetricsRegistry(families: families))
        channel = EmbeddedChannel(loop: loop)
        try server.serve(channel).wait()
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/instructions")).wait()

        let envelope = TTRPCRequest(
            service: HealthMethods.check.service, method: HealthMethods.check.name,
            payload: HealthCheckRequest().encoded(),
            metadata: [TTRPCKeyValue(key: "authorization", value: "Bearer \(token)")]
        ).encoded()
        requestBytes = Self.headerBytes + envelope.count
        requests = ByteBuffer()
        for _ in 0..<inARead {
            // A request is type 1 and has no flags.
            requests.writeMultipleIntegers(UInt32(envelope.count), 0 as UInt32, 1 as UInt8, 0 as UInt8)
            requests.writeBytes(envelope)
        }
        self.inARead = inARead
    }

    /// Has the requests of one read answered.
    mutating func callOnce() throws {
        for number in 0..<inARead {
            requests.setInteger(nextStreamID, at: number * requestBytes + 4)
            nextStreamID += 2
        }
        try channel.writeInbound(requests)
        loop.run()
        var answered = 0
        while let answers = try channel.readOutbound(as: ByteBuffer.self) {
            answered += answers.readableBytes
        }
        guard answered == inARead * Self.answerBytes else {
            throw Failure("\(answered) bytes were answered to \(inARead) calls")
        }
    }
}
