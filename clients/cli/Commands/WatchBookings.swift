// `clinic booking watch`: a line for every change, until somebody ends it. Connections that are lost are made again, and
// a session that ends meanwhile is renewed, like between two commands.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import TTRPC
internal import Terminal

struct WatchBookings: RunnableCommand {
    static let configuration = CommandConfiguration(
        "watch", "Follow what happens to your bookings; for staff, to all.",
        """
        Prints a line for every change until it is interrupted, over restarts of the server too. With --output json \
        a line is an object whose resume_token says where to go on.
        """,
        example: "clinic booking watch --doctor 3")

    @Option(
        help: ArgumentHelp(
            "Go on behind the change with this resume_token; without it, from now on.", valueName: "token"))
    var from = ""

    @Option(help: "Only the bookings with this doctor.")
    var doctor: Int64?

    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        var remote = try await Remote(connection, console).renewingSession(console)
        var resumeToken = from
        while true {
            var changes = remote.client.watchBookings(from: resumeToken, doctorID: doctor ?? 0)
                .makeAsyncIterator()
            do {
                while let change = try await changes.next() {
                    switch remote.settings.output {
                    case .json: try console.print(try change.json())
                    case .table: try console.print(change.text)
                    }
                }
            } catch let status as Status {
                resumeToken = changes.resumeToken
                guard status.code == .unauthenticated, let next = try await remote.inNextSession(console)
                else {
                    if !resumeToken.isEmpty { console.printError("go on with --from \(resumeToken)") }
                    throw RemoteFailure(
                        status: status, session: remote.session, output: remote.settings.output)
                }
                remote = next
            }
        }
    }
}

extension Remote {
    /// The same with the token of the session that follows, once its own is not taken any more; nil if there is none.
    fileprivate func inNextSession(_ console: Console) async throws -> Remote? {
        var remote = self
        remote.session = SessionState.find(for: settings.address, console)
        remote = try await remote.renewingSession(console)
        guard let token = remote.session.token, token != session.token else { return nil }
        client.token = token
        return remote
    }
}

extension WatchBookingsResponse: Presentable {
    /// One line: when, what, which booking, and how it stands now.
    var text: String {
        guard let event else { return "" }
        let booking = event.booking
        return [
            event.eventTime?.rfc3339 ?? "", label(event.type), "booking \(event.bookingID)",
            clinicTime(booking?.bookingDateTime ?? ""), booking.map { label($0.status) } ?? "",
            reference(booking?.doctor?.id, booking?.doctor?.fullName),
            reference(booking?.user?.id, booking?.user.map { name($0.firstName, $0.lastName) }),
        ].filter { !$0.isEmpty }.map(printable).joined(separator: "  ")
    }
}
