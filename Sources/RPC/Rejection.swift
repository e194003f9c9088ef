// All rejections by a connection, before or after a handler, with status and reason. They stand in one list, so that state machines
// contain no texts and tests can iterate over all of them.

/// Why a request or a message is rejected.
package enum Rejection: Error, Equatable {
    case evenStreamID
    case streamInUse
    case tooLong(length: UInt32, limit: Int)
    case tooManyCallsOnConnection(limit: Int)
    case tooManyBytesOnConnection(limit: Int)
    case tooManyCalls(limit: Int)
    case tooManyStreams(limit: Int)
    case overloaded
    case shuttingDown
    case dataForSingleRequest
    case dataAfterEnd
    case dataWithoutData
    case messageTooLong(length: UInt32, limit: Int)
    case notTaken
    case dataForUnopenedStream
    case invalidEnvelope
    case tooManyMetadataPairs(limit: Int)
    case tooManyMetadataBytes(limit: Int)
    case invalidMetadataKey
    case invalidMetadataValue(String)
    case invalidTimeout(TimeoutField)
    case unknownEncoding
    case invalidMessage(String)
    case unknownService(String)
    case unknownMethod(String)
    case deadlineExceeded
    case responseTooLong(length: Int)
    case answersUnread(limit: Int)
    case cancelledByShutdown

    /// Status code, reason for programs, and message for people.
    private var answer: (StatusCode, RejectionReason, String) {
        switch self {
        case .evenStreamID:
            (.invalidArgument, .invalidStream, "stream ids of clients are odd")
        case .streamInUse:
            (.invalidArgument, .invalidStream, "the stream id is in use; the call on it is cancelled")
        case .tooLong(let length, let limit):
            (.resourceExhausted, .requestTooLong, "a request of \(length) bytes; the limit is \(limit)")
        case .tooManyCallsOnConnection(let limit):
            (.resourceExhausted, .connectionBusy, "more than \(limit) calls in flight on this connection")
        case .tooManyBytesOnConnection(let limit):
            (
                .resourceExhausted, .connectionBusy,
                "more than \(limit) bytes of requests in flight on this connection"
            )
        case .tooManyCalls(let limit):
            (
                .resourceExhausted, .overloaded,
                "more than \(limit) calls in flight in the server, or your share of them; try again later"
            )
        case .tooManyStreams(let limit):
            (
                .resourceExhausted, .overloaded,
                "more than \(limit) streams in flight in the server, or your share of them; end some"
            )
        case .overloaded:
            (.resourceExhausted, .overloaded, "the server is busy; try again later")
        case .shuttingDown:
            (.unavailable, .shuttingDown, "the server is shutting down")
        case .dataForSingleRequest:
            (
                .invalidArgument, .invalidStream,
                "a call with one request takes no data frames; the call is cancelled"
            )
        case .dataAfterEnd:
            (
                .invalidArgument, .invalidStream,
                "a data frame after the end of the client's side of the stream"
            )
        case .dataWithoutData:
            (
                .invalidArgument, .invalidStream,
                "a data frame with bytes whose flags say that it has none"
            )
        case .messageTooLong(let length, let limit):
            (.resourceExhausted, .requestTooLong, "a message of \(length) bytes; the limit is \(limit)")
        case .notTaken:
            (
                .resourceExhausted, .streamOverrun,
                "messages came faster than the stream's handler takes them"
            )
        case .dataForUnopenedStream:
            (.invalidArgument, .invalidStream, "a data frame for a stream that was never opened")
        case .invalidEnvelope:
            (.invalidArgument, .malformedRequest, "the data is not a ttrpc request")
        case .tooManyMetadataPairs(let limit):
            (.invalidArgument, .invalidMetadata, "more than \(limit) metadata pairs")
        case .tooManyMetadataBytes(let limit):
            (.invalidArgument, .invalidMetadata, "more than \(limit) bytes of metadata")
        case .invalidMetadataKey:
            (.invalidArgument, .invalidMetadata, "a metadata key with NUL, CR or LF")
        case .invalidMetadataValue(let key):
            (.invalidArgument, .invalidMetadata, "the value of \(key) is not base64")
        case .invalidTimeout(let field): (.invalidArgument, .invalidMetadata, field.rawValue)
        case .unknownEncoding:
            (
                .unimplemented, .malformedRequest,
                "the message is compressed in a way that the server does not know"
            )
        case .invalidMessage(let cause): (.invalidArgument, .malformedRequest, cause)
        case .unknownService(let name):
            (.unimplemented, .unknownService, "service \(name)")
        case .unknownMethod(let name):
            (.unimplemented, .unknownMethod, "method \(name)")
        case .deadlineExceeded:
            (.deadlineExceeded, .deadlineExceeded, "the deadline of the call has passed")
        case .responseTooLong(let length):
            (.resourceExhausted, .responseTooLong, "a response of \(length) bytes is too long for a frame")
        case .answersUnread(let limit):
            (
                .resourceExhausted, .answersUnread,
                "more than \(limit) bytes of answers are unread; the call is over, its answer is dropped"
            )
        case .cancelledByShutdown:
            (.cancelled, .cancelledByShutdown, "the server shut down before the call had ended")
        }
    }

    package var reason: String { answer.1.rawValue }

    /// The status, with the reason if the server has a domain for reasons.
    package func status(domain: String?) -> Status {
        let (code, reason, text) = answer
        return Status(code, text).named(reason.rawValue, domain: domain)
    }
}

/// The rule of a field with a timeout, as its rejection says it.
package enum TimeoutField: String, Sendable {
    case grpc = "grpc-timeout is not a number of at most 8 digits with a unit"
    case connect = "connect-timeout-ms is not a number of at most 10 digits"
}

/// A rejection with its status, as it is recorded and sent.
package struct RejectionStatus: Sendable {
    package let rejection: Rejection
    package let status: Status
    package let reason: String
    /// Its index in `ServerShared.frequentRejections`, which wires encode once; nil for other rejections.
    package let frequentIndex: Int?

    var code: StatusCode { status.code }

    package init(_ rejection: Rejection, domain: String?, frequentIndex: Int? = nil) {
        self.rejection = rejection
        status = rejection.status(domain: domain)
        reason = rejection.reason
        self.frequentIndex = frequentIndex
    }
}

extension Status {
    /// The status of a failed handler; without details it gets the name of its code as its reason.
    func named(domain: String?) -> Status { named(code.protoName, domain: domain) }

    fileprivate func named(_ reason: String, domain: String?) -> Status {
        guard let domain, details.isEmpty else { return self }
        return Status(code, message, reason: reason, domain: domain)
    }
}
