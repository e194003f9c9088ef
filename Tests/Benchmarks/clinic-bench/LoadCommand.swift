// `clinic-bench load`: keeps a number of calls in flight on a number of connections and prints how many were answered
// in a second, how many were sent in all, and after how many microseconds half of the answers and 99 % of them had
// come. One event loop does all of it, unless more are asked for. With --calls it ends after so many calls instead, and
// all that are in flight leave in one write, so that what a call costs among so many in a read can be counted.

internal import ArgumentParser
internal import ClinicMessages
internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import RPC
internal import RPCMessages

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Call one method for a while; prints calls per second.")

    /// What is called.
    enum Call: String, ExpressibleByArgument {
        case health
        case listMyBookings = "list-my-bookings"
        case bookAppointment = "book-appointment"
        case searchSlots = "search-slots"
        case getBooking = "get-booking"
        case payBooking = "pay-booking"
        case listDoctors = "list-doctors"
    }

    @Argument(
        help:
            "health, get-booking, list-my-bookings, list-doctors, search-slots, book-appointment, pay-booking."
    )
    var call: Call
    @Option(help: "Where the server is.", transform: { try Address(parsing: $0) }) var address: Address
    @Option(help: "The authorities of a tls: server, a PEM file.") var ca: String?
    @Option(help: "The access token that every call carries.") var token: String
    @Option var connections = 8
    @Option(help: "Event loops that share the connections.") var threads = 1
    @Option(help: "Calls in flight on each connection.") var inFlight = 16
    @Option var seconds = 3.0
    @Option(help: "Make so many calls instead, a multiple of those in flight, which are sent together.")
    var calls: Int?
    @Option(help: "Seconds before the count begins.") var warmUp = 0.5
    @Option(help: "Bookings go round these pairs of doctor:patient, comma-separated.") var pairs = ""
    @Option(help: "When the first slot begins, in seconds since the Unix epoch.") var firstStart: Int64 = 0
    @Option(help: "How many slots are taken already.") var skip = 0
    @Option(help: "How many callers in turn want the same slot; that it is taken is an answer.") var rivals =
        1
    @Option(help: "The booking to get.") var booking: Int64 = 0
    @Option(help: "A file with the bookings to pay, a number a line.") var unpaid: String?
    @Option(help: "The department whose slots are searched for a week.") var department: Int64 = 0
    @Option(help: "The doctor whose slots are searched, and not a department's.") var doctor: Int64 = 0
    @Option(help: "The first day of that week.") var firstDay = ""
    @Option(help: "The last day of that week.") var lastDay = ""

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
        let requests = try requests()
        let tally = Tally(limit: calls)
        let context = try TLSContext(authorities: ca)
        var channels: [any Channel] = []
        for _ in 0..<connections {
            channels.append(try await connect(group, context, requests, tally))
        }
        if calls == nil { try await Task.sleep(for: .seconds(warmUp)) }
        tally.beginTiming()
        let (start, before) = (ContinuousClock.now, tally.answered)
        if let calls {
            while tally.answered < calls, tally.failure == nil { try await Task.sleep(for: .milliseconds(5)) }
        } else {
            try await Task.sleep(for: .seconds(seconds))
        }
        let (end, after) = (ContinuousClock.now, tally.answered)
        for channel in channels { try? await channel.close() }
        try await group.shutdownGracefully()
        if let failure = tally.failure { throw Failure(failure) }
        print(
            (Double(after - before) / ((end - start) / .seconds(1))).rounded(), tally.sent,
            tally.microseconds(atPercentile: 50), tally.microseconds(atPercentile: 99))
    }

    private func requests() throws -> Requests {
        switch call {
        case .health: Requests(HealthMethods.check, HealthCheckRequest(), token)
        case .getBooking:
            Requests(BookingServiceMethods.getBooking, GetBookingRequest(bookingID: booking), token)
        case .listMyBookings: Requests(BookingServiceMethods.listMyBookings, ListMyBookingsRequest(), token)
        case .listDoctors: Requests(DoctorServiceMethods.listDoctors, ListDoctorsRequest(), token)
        case .searchSlots:
            Requests(
                BookingServiceMethods.searchSlots,
                SearchSlotsRequest(
                    subject: doctor > 0 ? .doctorID(doctor) : .departmentID(department),
                    firstDay: firstDay, lastDay: lastDay), token)
        case .bookAppointment: Requests(booking: try slots(), token)
        case .payBooking: Requests(paying: try UnpaidBookings(path: unpaid), token)
        }
    }

    private func connect(
        _ group: any EventLoopGroup, _ tls: TLSContext, _ requests: Requests, _ tally: Tally
    ) async throws -> any Channel {
        let (bootstrap, inFlight, address) = (ClientBootstrap(group: group), inFlight, address)
        let inBursts = calls != nil
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
                    LoadConnection(
                        requests: requests, inFlight: inFlight, tally: tally, allowsTaken: rivals > 1,
                        inBursts: inBursts))
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
        guard !pairs.isEmpty else { throw ValidationError("--pairs is missing") }
        return BookingSlots(pairs: pairs, firstStart: firstStart, taken: skip, rivals: max(1, rivals))
    }
}
