// Messages of a command, one line each: results on standard output, errors on standard error. The log of the daemon goes
// through swift-log instead.

internal import ClinicStore
internal import Glibc
internal import Logging
internal import Monitoring
internal import PostgreSQL
internal import RPC
internal import RPCMessages

/// An error that ends a command, in one line that says what to do.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// An error in words.
    init(_ error: any Error) { self.init(explanation(of: error)) }
}

/// Writes a line to standard output without buffering, so that a reader of a file or a pipe gets it at once. With logs in
/// JSON it is JSON too, because both outputs often end in the same place.
func say(_ line: String, as format: LogFormat = .text) {
    let text =
        format == .json
        ? LineLogHandler.line(.info, line, label: "clinicd", format: format) : "clinicd: \(line)"
    write(text + "\n", to: STDOUT_FILENO)
}

/// Shows the progress of a command on a terminal, in a line that the next one replaces and an empty text removes.
func showProgress(_ text: String) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    let line = text.isEmpty ? "\r\u{1B}[K" : "\r\u{1B}[Kclinicd: \(text)"
    _ = line.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
}

/// Writes a line to standard error, behind those of the log.
func complain(_ text: String, as format: LogFormat = .text) {
    let message = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    let line =
        (format == .json
            ? LineLogHandler.line(.critical, message, label: "clinicd", format: format)
            : "clinicd: \(message)") + "\n"
    LogWriter.standardError.write(Array(line.utf8)) { Array("clinicd: \($0) lines were dropped\n".utf8) }
}

/// Ends the process when standard error has taken what was written to it, or does not take it within a second. Runs no exit
/// handlers: a thread may still be inside libpq, and the exit handlers of libkrb5, which libpq uses, would abort then.
func leave(_ status: Int32) -> Never {
    LogWriter.standardError.flush(within: .seconds(1))
    _exit(status)
}

/// An error in words for the administrator; a call's status without its code, which is meant for programs.
func explanation(of error: any Error) -> String {
    switch error {
    case let status as Status:
        let fields = status.badRequest?.fieldViolations.map { "\($0.field): \($0.description)" } ?? []
        return ([status.message] + fields.filter { $0 != status.message }).joined(separator: "; ")
    case MigrationError.database(let error): return explanation(of: error)
    case let error as DatabaseError:
        return "the database cannot be used: \(error)" + (error.serverMessage.map { ": \($0)" } ?? "")
    case let refusal as Refusal: return "the clinic's rules refuse it: \(refusal.reason.rawValue)"
    case let error as any CustomStringConvertible: return error.description
    default: return "an unexpected failure (\(error))"
    }
}

/// Writes a text as far as the descriptor takes it; a closed pipe is not an error.
private func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
    }
}
