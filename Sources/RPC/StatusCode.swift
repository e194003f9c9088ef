// The outcome of a call, with the names and numbers of google.rpc.Code. Numbers outside the list are never sent; one that
// arrives is `unknown`, as in every gRPC client.

/// The outcome of a call (google.rpc.Code).
public enum StatusCode: Int32, Sendable, Hashable, CaseIterable {
    /// The call succeeded.
    case ok = 0
    /// The call was cancelled, usually by the caller.
    case cancelled = 1
    /// A failure that fits no other code, or a code that is not in this list.
    case unknown = 2
    /// The request is invalid, independent of the state of the server.
    case invalidArgument = 3
    /// The deadline has passed; the call may still have had its effect.
    case deadlineExceeded = 4
    /// The requested thing does not exist.
    case notFound = 5
    /// The thing to create exists already.
    case alreadyExists = 6
    /// The caller is identified but not allowed to do this.
    case permissionDenied = 7
    /// A limit is reached: of size, of number, or of rate.
    case resourceExhausted = 8
    /// The current state does not allow the call; it may succeed once the state has changed.
    case failedPrecondition = 9
    /// A concurrent change came first: read again and repeat.
    case aborted = 10
    /// A value is outside the range that is currently valid.
    case outOfRange = 11
    /// The server does not know the service or the method.
    case unimplemented = 12
    /// An internal error of the server.
    case `internal` = 13
    /// The server cannot be reached or cannot serve now: try again later.
    case unavailable = 14
    /// Data is lost or damaged beyond repair.
    case dataLoss = 15
    /// The caller is not identified: credentials are missing, wrong or expired.
    case unauthenticated = 16

    /// The name as google.rpc.Code has it, such as `INVALID_ARGUMENT`.
    public var protoName: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internal: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }
}
