// `clinic-bench load`: keeps a number of calls in flight on a number of connections and prints how many were answered
// in a second. One event loop does all of it.

internal import ArgumentParser
internal import ClinicMessages
internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import TTRPC

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Call one method for a while; prints calls per second.")

    /// What is called.
    enum Call: String, ExpressibleByArgument {
        case health
        case listMyBookings = "list-my-bookings"
        case bookAppointment = "book-appointment"
        case searchSlots = "search-slots"
    }

    @Argument(help: "health, list-my-bookings, book-appointment or search-slots.") var call: Call
    @Option(help: "Where the server is.", transform: { try Address(parsing: $0) }) var address: Address
    @Option(help: "The authorities of a tls: server, a PEM file.") var ca: String?
    @Option(help: "The access token that every call carries.") var token: String
    @Option var connections = 8
    @Option(help: "Calls in flight on each connection.") var inFlight = 16
    @Option var seconds = 3.0
    @Option(help: "Seconds before the count begins.") var warmUp = 0.5
    @Option(help: "Bookings go round these pairs of doctor:patient, comma-separated.") var pairs = ""
    @Option(help: "When the first slot begins, in seconds since the Unix epoch.") var firstStart: Int64 = 0
    @Option(help: "How many slots are taken already.") var skip = 0
    @Option(help: "The department whose slots are searched for a week.") var department: Int64 = 0
    @Option(help: "The first day of that week.") var firstDay = ""
    @Option(help: "The last day of that week.") var lastDay = ""

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let search = SearchSlotsRequest(
            subject: .departmentID(department), startDate: firstDay, endDate: lastDay)
        let requests = Requests(call: call, token: token, slots: try slots(), search: search)
        let tally = Tally()
        let context = try TLSContext(authorities: ca)
        var channels: [any Channel] = []
        for _ in 0..<connections {
            channels.append(try await connect(group, context, requests, tally))
        }
        try await Task.sleep(for: .seconds(warmUp))
        let (start, before) = (ContinuousClock.now, tally.answered)
        try await Task.sleep(for: .seconds(seconds))
        let (end, after) = (ContinuousClock.now, tally.answered)
        for channel in channels { try? await channel.close() }
        try await group.shutdownGracefully()
        if let failure = tally.failure { throw Failure(failure) }
        print((Double(after - before) / ((end - start) / .seconds(1))).rounded(), tally.sent)
    }

    private func connect(
        _ group: any EventLoopGroup, _ tls: TLSContext, _ requests: Requests, _ tally: Tally
    ) async throws -> any Channel {
        let (bootstrap, inFlight, address) = (ClientBootstrap(group: group), inFlight, address)
        let connected =
            switch address {
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port), .tls(let host, let port):
                bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
            }
        return try await connected.flatMap { channel in
            channel.eventLoop.makeCompletedFuture { () throws -> EventLoopFuture<Void> in
                guard case .tls(let host, _) = address else {
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
                return try tls.secure(channel, host: host).map { _ in }
            }.flatMap { $0 }.flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(
                    LoadConnection(requests: requests, inFlight: inFlight, tally: tally))
                return channel
            }
        }.get()
    }

    private func slots() throws -> BookingSlots {
        let pairs = try pairs.split(separator: ",").map { pair in
            let ids = pair.split(separator: ":").compactMap { Int64($0) }
            guard ids.count == 2 else { throw ValidationError("--pairs is doctor:patient,doctor:patient,…") }
            return BookingSlots.Pair(doctorID: ids[0], patientID: ids[1])
        }
        guard call != .bookAppointment || !pairs.isEmpty else { throw ValidationError("--pairs is missing") }
        return BookingSlots(pairs: pairs, firstStart: firstStart, taken: skip)
    }
}
