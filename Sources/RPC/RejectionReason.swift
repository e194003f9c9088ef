// Why a connection rejects a call, by the names that programs act on. They stand in the google.rpc.ErrorInfo of the
// failure, in the domain that the server was given, beside the reasons of the service it carries. A handler's failure
// that has no details gets the name of its code as its reason (INTERNAL, CANCELLED).

/// The `reason` of a rejection that no handler made.
public enum RejectionReason: String, Sendable, CaseIterable {
    /// The stream id is even, in use, or not open: the client has a fault.
    case invalidStream = "INVALID_STREAM"
    /// The data is not a ttrpc request, or the payload not the method's message.
    case malformedRequest = "MALFORMED_REQUEST"
    /// Too many pairs or bytes of metadata, or a key with NUL, CR or LF.
    case invalidMetadata = "INVALID_METADATA"
    /// The server has no such service.
    case unknownService = "UNKNOWN_SERVICE"
    /// The service has no such method.
    case unknownMethod = "UNKNOWN_METHOD"
    /// The request is longer than the server takes.
    case requestTooLong = "REQUEST_TOO_LONG"
    /// The answer is longer than a frame: ask for less.
    case responseTooLong = "RESPONSE_TOO_LONG"
    /// Too many calls in flight, or too many bytes of them, on this connection: wait for answers.
    case connectionBusy = "CONNECTION_BUSY"
    /// The messages of a stream came faster than its handler takes them; the stream is over.
    case streamOverrun = "STREAM_OVERRUN"
    /// The answers that this connection has not read are too many: read them first. The call has had its effect.
    case answersUnread = "ANSWERS_UNREAD"
    /// The server has too much to do: try again later.
    case overloaded = "OVERLOADED"
    /// The server is going down; the call has had no effect and can be repeated on another connection.
    case shuttingDown = "SHUTTING_DOWN"
    /// The server went down while it worked on the call, which may have had its effect.
    case cancelledByShutdown = "CANCELLED_BY_SHUTDOWN"
    /// The deadline has passed; the call may have had its effect.
    case deadlineExceeded = "DEADLINE_EXCEEDED"
}
