// Failure reports: one line with the cause and what to do, followed by the invalid fields; with JSON output also
// one line of JSON for scripts.

internal import FoundationEssentials
internal import ProtobufC
internal import RPC
internal import RPCMessages
internal import Terminal

/// An error with its own report.
protocol ReportedFailure: Error {
    var exitStatus: ExitStatus { get }
    /// Complete lines for standard error.
    var report: String { get }
    /// The failure as an object for programs.
    var json: JSONReport { get }
}

/// A failure within this program.
struct CommandFailure: ReportedFailure {
    let message: String
    let exitStatus: ExitStatus

    init(_ message: String, _ exitStatus: ExitStatus = .failure) {
        self.message = message
        self.exitStatus = exitStatus
    }

    var report: String {
        "clinic: "
            + message.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
            .joined(separator: "\n")
    }

    var json: JSONReport {
        switch exitStatus {
        case .usage: JSONReport(code: "INVALID_ARGUMENT", reason: "WRONG_USAGE", message: message)
        case .notAllowed: JSONReport(code: "UNAUTHENTICATED", reason: "NOT_SIGNED_IN", message: message)
        case .unavailable: JSONReport(code: "UNAVAILABLE", reason: "NOT_AVAILABLE", message: message)
        default: JSONReport(code: "UNKNOWN", reason: "FAILED", message: message)
        }
    }
}

/// A call that failed.
struct RemoteFailure: ReportedFailure {
    let status: Status
    /// The session of the call.
    let session: SessionState
    /// How the fields of the request were typed.
    var options = OptionNames()

    var exitStatus: ExitStatus { ExitStatus(status.code) }

    var report: String {
        let wait = retryDelay.map { "; wait \($0)" } ?? ""
        var lines = ["clinic: \(printable(message + wait)) [\(printable(reason))]"]
        for violation in status.badRequest?.fieldViolations ?? [] {
            let line = "\(options.name(of: violation.field)): \(violation.description)"
            // For a single invalid field the message often repeats the violation, or is what it says.
            if line != message, violation.description != status.message {
                lines.append("  " + printable(line))
            }
        }
        return lines.joined(separator: "\n")
    }

    /// The reason, or the name of the status code if the server gave none.
    private var reason: String {
        status.errorInfo.map(\.reason).flatMap { $0.isEmpty ? nil : $0 } ?? status.code.protoName
    }

    /// The server's message. If authentication failed, explains what to do about the session.
    private var message: String {
        guard status.code == .unauthenticated, reason != "WRONG_CREDENTIALS" else {
            return status.message.isEmpty ? "the call failed" : options.message(status.message)
        }
        return switch session {
        case .none: "you are not signed in; run `clinic login` first"
        case .otherServer(let address): "you are signed in at \(address), not here; run `clinic login` first"
        case .expired(let session), .renewable(let session):
            "the session of \(session.email) ended at \(session.expiryText); run `clinic login` again"
        case .usable: "\(status.message): run `clinic login`"
        }
    }

    /// The retry delay that the server requests, such as `42s`.
    private var retryDelay: String? {
        guard let json = try? status.retryInfo?.retryDelay?.json() else { return nil }
        return json.filter { $0 != "\"" }
    }

    var json: JSONReport {
        JSONReport(
            code: status.code.protoName, reason: reason, message: message,
            domain: status.errorInfo?.domain,
            metadata: status.errorInfo.flatMap { info in
                info.metadata.isEmpty
                    ? nil : Dictionary(info.metadata.map { ($0.key, $0.value) }) { first, _ in first }
            },
            fieldViolations: status.badRequest.map { badRequest in
                badRequest.fieldViolations.map { .init(field: $0.field, description: $0.description) }
            },
            retryDelay: retryDelay)
    }
}

/// A failure for programs, with the names of the schema.
struct JSONReport: Encodable {
    struct Violation: Encodable {
        let field: String
        let description: String
    }

    let code: String
    let reason: String
    let message: String
    var domain: String?
    var metadata: [String: String]?
    var fieldViolations: [Violation]?
    var retryDelay: String?

    /// One line; nil if the report cannot be encoded.
    var line: String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }
}
