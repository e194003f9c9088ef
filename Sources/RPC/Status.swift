// The failure of a call: the only error that handlers send and clients throw. Its message is for people, its details are for
// programs (StatusDetails.swift).

public import RPCMessages

/// The failure of a call.
public struct Status: Error, Sendable, Equatable, CustomStringConvertible {
    /// Whether a call whose connection failed may have had its effect.
    public enum TransportFailure: Sendable, Hashable {
        /// Nothing of the request was sent: the call can safely be repeated.
        case neverSent
        /// The request may have reached the server, so the call may have had its effect.
        case outcomeUnknown
    }

    /// The maximum length of a message that is sent, in bytes of UTF-8; a longer one is cut at the end of a character.
    public static let maximumMessageBytes = 1024

    /// The status code.
    public var code: StatusCode
    /// One line for people: what is wrong and, if possible, what to do.
    public var message: String
    /// Details for programs: ErrorInfo, BadRequest, RetryInfo and others of google.rpc.
    public var details: [ProtobufAny]
    /// Set by a client when there is no response because the connection failed; never sent.
    public var transportFailure: TransportFailure?

    /// A failure with its message.
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

    /// The status for what a handler threw: a status is sent as it is; other errors may contain secrets, so their text is not sent.
    init(ofHandlerError error: any Error) {
        switch error {
        case let status as Status: self = status
        case is Overloaded: self = Rejection.overloaded.status(domain: nil)
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        default: self.init(.internal, "an internal error; the server's log has more")
        }
    }

    /// The message for a response. A failure has a code other than OK and a message within the limit.
    package var wireForm: RPCStatus {
        RPCStatus(
            code: code == .ok ? StatusCode.unknown.rawValue : code.rawValue,
            message: message.cut(toBytes: Self.maximumMessageBytes), details: details)
    }

    /// The status in a response; nil for success.
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
    /// The longest prefix within the limit that ends with a whole character.
    fileprivate func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
