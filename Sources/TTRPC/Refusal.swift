// What the connection itself says no to, before a handler is involved, with the status that each refusal is
// answered with. One list, so that the state machine stays free of texts and the tests can go through all of it.

/// A frame that is answered without a handler.
enum Refusal: Equatable {
    case evenStreamID
    case streamInUse
    case tooLong(length: UInt32, limit: Int)
    case tooManyCallsOnConnection(limit: Int)
    case tooManyCalls(limit: Int)
    case shuttingDown
    case dataForSingleRequest
    case dataAfterEnd
    case dataWithoutData
    case messageTooLong(length: UInt32, limit: Int)
    case notTaken
    case dataForUnopenedStream
    case invalidEnvelope
    case unknownService(String)
    case unknownMethod(String)
    case deadlineExceeded
    case cancelledByShutdown

    /// The answer.
    var status: Status {
        switch self {
        case .evenStreamID:
            Status(.invalidArgument, "stream ids of clients are odd")
        case .streamInUse:
            Status(.invalidArgument, "the stream id is in use; the call on it is cancelled")
        case .tooLong(let length, let limit):
            Status(.resourceExhausted, "a request of \(length) bytes; the limit is \(limit)")
        case .tooManyCallsOnConnection(let limit):
            Status(.resourceExhausted, "more than \(limit) calls in flight on this connection")
        case .tooManyCalls(let limit):
            Status(.resourceExhausted, "more than \(limit) calls in flight in the server")
        case .shuttingDown:
            Status(.unavailable, "the server is shutting down")
        case .dataForSingleRequest:
            Status(.invalidArgument, "a call with one request takes no data frames; the call is cancelled")
        case .dataAfterEnd:
            Status(.invalidArgument, "a data frame after the end of the client's side of the stream")
        case .dataWithoutData:
            Status(.invalidArgument, "a data frame with bytes whose flags say that it has none")
        case .messageTooLong(let length, let limit):
            Status(.resourceExhausted, "a message of \(length) bytes; the limit is \(limit)")
        case .notTaken:
            Status(.resourceExhausted, "messages came faster than the stream's handler takes them")
        case .dataForUnopenedStream:
            Status(.invalidArgument, "a data frame for a stream that was never opened")
        case .invalidEnvelope:
            Status(.invalidArgument, "the data is not a ttrpc request")
        case .unknownService(let name):
            Status(.unimplemented, "service \(name)")
        case .unknownMethod(let name):
            Status(.unimplemented, "method \(name)")
        case .deadlineExceeded:
            Status(.deadlineExceeded, "the deadline of the call has passed")
        case .cancelledByShutdown:
            Status(.cancelled, "the server shut down before the call had ended")
        }
    }
}
