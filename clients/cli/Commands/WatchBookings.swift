// `clinic booking watch`: prints a line for every change until interrupted. It reconnects after lost connections
// and renews an expired session.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import RPC
internal import Terminal

struct WatchBookings: RunnableCommand {
    static let configuration = CommandConfiguration(
        "watch", "Watch your bookings for changes; for staff, all bookings.",
        """
        Prints a line for every change until interrupted, also across server restarts. With --output json each line \
        is an object whose resume_token is the place to resume from.
        """,
        example: "clinic booking watch --doctor 3")

    @Option(
        help: ArgumentHelp(
            "Resume after the change with this resume_token; without it, start now.", valueName: "token"))
    var from = ""

    @Option(help: "Only bookings with this doctor.", completion: .doctors)
    var doctor: Int64?

    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        var remote = try await RemoteServer(connection, console).withRenewedSession(console)
        var resumeToken = from
        console.endWithReader()
        var style = StreamStyle()
        while true {
            var changes = remote.client.watchBookings(from: resumeToken, doctorID: doctor ?? 0)
                .makeAsyncIterator()
            do {
                while let change = try await changes.next() {
                    switch remote.settings.output {
                    case .json, .jsonl: try console.print(try change.json())
                    case .csv: throw RemoteServer.noTable
                    case .table: try console.print(change.text(await style.style(remote, console)))
                    }
                }
            } catch let status as Status {
                resumeToken = changes.resumeToken
                guard status.code == .unauthenticated, let next = try await remote.withNextSession(console)
                else {
                    if !resumeToken.isEmpty { console.printError("resume with --from \(resumeToken)") }
                    throw RemoteFailure(
                        status: status, session: remote.session)
                }
                remote = next
            }
        }
    }
}

extension RemoteServer {
    /// The same server with the token of a renewed session, after its own token was rejected; nil if there is none.
    fileprivate func withNextSession(_ console: Console) async throws -> RemoteServer? {
        var remote = self
        remote.session = SessionState.find(for: settings.addresses, console)
        remote = try await remote.withRenewedSession(console)
        guard let token = remote.session.token, token != session.token else { return nil }
        client.token = token
        return remote
    }
}

extension WatchBookingsResponse: Presentable {
    /// One line: time, event, booking, and the booking's current state.
    func text(_ style: TextStyle) -> String {
        guard let event else { return "" }
        let booking = event.booking
        return [
            style.times.text(event.eventTime), label(event.type), "booking \(event.bookingID)",
            style.times.text(booking?.startTime), booking.map { label($0.status) } ?? "",
            reference(booking?.doctor?.id, booking?.doctor?.fullName),
            reference(booking?.user?.id, booking?.user.map { name($0.firstName, $0.lastName) }),
        ].filter { !$0.isEmpty }.map(printable).joined(separator: "  ")
    }
}
