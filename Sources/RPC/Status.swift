// How a call failed: the only error that leaves a handler or a client. Its text is for people, its details are for
// programs (StatusDetails.swift).

public import RPCMessages

/// The failure of a call.
public struct Status: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the client knows about a call whose connection failed.
    public enum TransportFailure: Sendable, Hashable {
        /// Nothing of the request has left this process: the call can be repeated without danger.
        case neverSent
        /// The request may have reached the server: it may have had its effect.
        case outcomeUnknown
    }

    /// The longest message that is sent, in bytes of UTF-8; a longer one is cut at the end of a character.
    public static let maximumMessageBytes = 1024

    /// The kind of failure.
    public var code: StatusCode
    /// One line for a person: what is wrong and, where it can be said, what to do.
    public var message: String
    /// What a program can act on: ErrorInfo, BadRequest, RetryInfo and others of google.rpc.
    public var details: [ProtobufAny]
    /// Set by a client when no answer came because the connection failed; never sent.
    public var transportFailure: TransportFailure?

    /// A failure with its text.
    public init(_ code: StatusCode, _ message: String, details: [ProtobufAny] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// The code and the message in one line.
    public var description: String { "\(code.protoName): \(message)" }
}

extension Status {
    /// A failed connection, as a client reports it.
    package init(_ failure: TransportFailure, _ message: String) {
        self.init(.unavailable, message)
        transportFailure = failure
    }

    /// What a handler threw, as its caller may see it: a status is meant for it, anything else is not.
    init(ofHandlerError error: any Error) {
        switch error {
        case let status as Status: self = status
        case is Overloaded: self = Rejection.overloaded.status(domain: nil)
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        default: self.init(.internal, "an internal error; the server's log has more")
        }
    }

    /// As it is put into a response: a failure has a code other than OK and a message that is not too long.
    package var wireForm: RPCStatus {
        RPCStatus(
            code: code == .ok ? StatusCode.unknown.rawValue : code.rawValue,
            message: message.cut(toBytes: Self.maximumMessageBytes), details: details)
    }

    /// As it came in a response, or nil for success.
    package init?(wireForm status: RPCStatus?) {
        guard let status, status.code != 0 else { return nil }
        if let code = StatusCode(rawValue: status.code) {
            self.init(code, status.message, details: status.details)
        } else {
            self.init(.unknown, "code \(status.code): \(status.message)", details: status.details)
        }
    }
}

extension String {
    /// The beginning that fits, ending with a whole character of UTF-8.
    fileprivate func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
