// The reasons of rejections, as programs read them in google.rpc.ErrorInfo, in the domain that the server is configured with. The
// service has reasons of its own. A failure of a handler without details has the name of its code as its reason (INTERNAL,
// CANCELLED).

/// The `reason` of a rejection by the connection.
public enum RejectionReason: String, Sendable, CaseIterable {
    /// The stream id is even, in use, or not open: a bug of the client.
    case invalidStream = "INVALID_STREAM"
    /// The data is not a ttrpc request, or the payload not the method's message.
    case malformedRequest = "MALFORMED_REQUEST"
    /// Too many pairs or bytes of metadata, or a key with NUL, CR or LF.
    case invalidMetadata = "INVALID_METADATA"
    /// The server has no such service.
    case unknownService = "UNKNOWN_SERVICE"
    /// The service has no such method.
    case unknownMethod = "UNKNOWN_METHOD"
    /// The request exceeds the server's limit.
    case requestTooLong = "REQUEST_TOO_LONG"
    /// The response exceeds the maximum length of a frame: request less.
    case responseTooLong = "RESPONSE_TOO_LONG"
    /// Too many calls in flight, or too many bytes of them, on this connection: wait for responses.
    case connectionBusy = "CONNECTION_BUSY"
    /// The messages of a stream came faster than its handler takes them; the stream is over.
    case streamOverrun = "STREAM_OVERRUN"
    /// The client has not read too many responses: read them first. The call has had its effect.
    case answersUnread = "ANSWERS_UNREAD"
    /// The server is overloaded: try again later.
    case overloaded = "OVERLOADED"
    /// The server is shutting down; the call has had no effect and can be repeated on another connection.
    case shuttingDown = "SHUTTING_DOWN"
    /// The server shut down during the call, which may have had its effect.
    case cancelledByShutdown = "CANCELLED_BY_SHUTDOWN"
    /// The deadline has passed; the call may have had its effect.
    case deadlineExceeded = "DEADLINE_EXCEEDED"
}
