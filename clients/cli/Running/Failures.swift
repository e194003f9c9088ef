// What went wrong, for the person: one line that says what to do, the wrong fields below it. For scripts the same as
// one line of JSON besides.

internal import FoundationEssentials
internal import ProtobufC
internal import TTRPC
internal import TTRPCMessages
internal import Terminal

/// An error that says itself how it is reported.
protocol ReportedFailure: Error {
    var exitStatus: ExitStatus { get }
    /// Whole lines for standard error.
    var report: String { get }
}

/// A failure on this side of the wire.
struct CommandFailure: ReportedFailure {
    let message: String
    let exitStatus: ExitStatus

    init(_ message: String, _ exitStatus: ExitStatus = .failure) {
        self.message = message
        self.exitStatus = exitStatus
    }

    var report: String { "clinic: \(printable(message))" }
}

/// A failed call.
struct RemoteFailure: ReportedFailure {
    let status: Status
    /// Who called.
    let session: SessionState
    let output: OutputForm

    var exitStatus: ExitStatus { ExitStatus(status.code) }

    var report: String {
        let wait = retryDelay.map { "; wait \($0)" } ?? ""
        var lines = ["clinic: \(printable(message + wait)) [\(printable(reason))]"]
        for violation in status.badRequest?.fieldViolations ?? [] {
            let line = "\(violation.field): \(violation.description)"
            // Of a single wrong field the message often says all there is to say.
            if line != message { lines.append("  " + printable(line)) }
        }
        if output == .json, let json { lines.append(json) }
        return lines.joined(separator: "\n")
    }

    /// The stable name of the failure; the code's where the server gave none.
    private var reason: String {
        status.errorInfo.map(\.reason).flatMap { $0.isEmpty ? nil : $0 } ?? status.code.protoName
    }

    /// What the server says; where it is the session that is missing, what that means for this program.
    private var message: String {
        guard status.code == .unauthenticated, reason != "WRONG_CREDENTIALS" else {
            return status.message.isEmpty ? "the call failed" : status.message
        }
        return switch session {
        case .none: "you are not signed in; run `clinic login` first"
        case .elsewhere(let address): "you are signed in at \(address), not here; run `clinic login` first"
        case .expired(let session), .renewable(let session):
            "the session of \(session.email) ended at \(session.expireTime); run `clinic login` again"
        case .usable: "\(status.message): run `clinic login`"
        }
    }

    /// How long the server wants to be left alone, such as `42s`.
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
