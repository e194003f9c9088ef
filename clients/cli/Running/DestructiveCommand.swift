// Commands that remove something say what they will do and ask for it on a terminal. A script has to give --yes.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC
internal import Terminal

/// The option of every command that removes something.
struct ConfirmationOptions: ParsableArguments {
    @Flag(help: "Do not ask.")
    var yes = false
}

/// A command that removes something.
protocol DestructiveCommand: ChangeCommand {
    var confirmation: ConfirmationOptions { get }
    /// What the command will do, such as `delete doctor 3`.
    func consequence(_ client: ClinicClient) async throws(Status) -> String
    /// What is asked after that.
    var question: String { get }
    func accepts(_ answer: String) -> Bool
}

extension DestructiveCommand {
    var question: String { "Go on? [y/N] " }

    func accepts(_ answer: String) -> Bool { ["y", "yes"].contains(answer.lowercased()) }

    func run(in console: Console) async throws {
        if !confirmation.yes { try await ask(console) }
        try await call(in: console)
    }

    private func ask(_ console: Console) async throws {
        guard console.keyboard.isTerminal() else {
            throw CommandFailure(
                "standard input is not a terminal, so this cannot be confirmed; use --yes", .usage)
        }
        let remote = try await RemoteServer(connection, console).withRenewedSession(console)
        let consequence = try await remote.perform { try await self.consequence(remote.client) }
        let answer = try console.keyboard.ask("This will \(printable(consequence)).\n\(question)", false)
        guard accepts(answer ?? "") else { throw CommandFailure("nothing was done", .usage) }
    }
}

/// The response of a removal that cancels bookings.
protocol CancellingResponse: Presentable {
    var cancelledBookings: Int64 { get }
    var refundedAmount: Money? { get }
}

extension CancellingResponse {
    static var showsTimes: Bool { false }

    /// Nothing is printed on standard output.
    func text(_ style: TextStyle) -> String { "" }

    /// `cancel 2 bookings and refund 442.18 AUD`, or nil.
    var plan: String? {
        guard cancelledBookings > 0 else { return nil }
        let cancelling = "cancel \(bookings)"
        return refundedAmount.map { "\(cancelling) and refund \(MoneyText.text($0))" } ?? cancelling
    }

    /// `2 bookings cancelled and 442.18 AUD refunded`, or nil.
    var outcome: String? {
        guard cancelledBookings > 0 else { return nil }
        let cancelled = "\(bookings) cancelled"
        return refundedAmount.map { "\(cancelled) and \(MoneyText.text($0)) refunded" } ?? cancelled
    }

    private var bookings: String { cancelledBookings == 1 ? "1 booking" : "\(cancelledBookings) bookings" }
}

extension DeleteDoctorResponse: CancellingResponse {}
extension DeleteDepartmentResponse: CancellingResponse {}
extension EraseUserResponse: CancellingResponse {}
