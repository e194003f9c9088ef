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
}

/// A failure within this program.
struct CommandFailure: ReportedFailure {
    let message: String
    let exitStatus: ExitStatus

    init(_ message: String, _ exitStatus: ExitStatus = .failure) {
        self.message = message
        self.exitStatus = exitStatus
    }

    var report: String { "clinic: \(printable(message))" }
}

/// A call that failed.
struct RemoteFailure: ReportedFailure {
    let status: Status
    /// The session of the call.
    let session: SessionState
    let output: OutputForm

    var exitStatus: ExitStatus { ExitStatus(status.code) }

    var report: String {
        let wait = retryDelay.map { "; wait \($0)" } ?? ""
        var lines = ["clinic: \(printable(message + wait)) [\(printable(reason))]"]
        for violation in status.badRequest?.fieldViolations ?? [] {
            let line = "\(violation.field): \(violation.description)"
            // For a single invalid field the message often repeats the violation.
            if line != message { lines.append("  " + printable(line)) }
        }
        if output == .json, let json { lines.append(json) }
        return lines.joined(separator: "\n")
    }

    /// The reason, or the name of the status code if the server gave none.
    private var reason: String {
        status.errorInfo.map(\.reason).flatMap { $0.isEmpty ? nil : $0 } ?? status.code.protoName
    }

    /// The server's message. If authentication failed, explains what to do about the session.
    private var message: String {
        guard status.code == .unauthenticated, reason != "WRONG_CREDENTIALS" else {
            return status.message.isEmpty ? "the call failed" : status.message
        }
        return switch session {
        case .none: "you are not signed in; run `clinic login` first"
        case .otherServer(let address): "you are signed in at \(address), not here; run `clinic login` first"
        case .expired(let session), .renewable(let session):
            "the session of \(session.email) ended at \(session.expireTime); run `clinic login` again"
        case .usable: "\(status.message): run `clinic login`"
        }
    }

    /// The retry delay that the server requests, such as `42s`.
    private var retryDelay: String? {
        guard let json = try? status.retryInfo?.retryDelay?.json() else { return nil }
        return json.filter { $0 != "\"" }
    }

    private var json: String? {
        let form = JSONReport(
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
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return (try? encoder.encode(form)).map { String(decoding: $0, as: UTF8.self) }
    }

    private struct JSONReport: Encodable {
        struct Violation: Encodable {
            let field: String
            let description: String
        }

        let code: String
        let reason: String
        let message: String
        let domain: String?
        let metadata: [String: String]?
        let fieldViolations: [Violation]?
        let retryDelay: String?
    }
}
