// The outcome of a call, with the names and numbers of google.rpc.Code. Numbers outside the list are never sent; one that
// arrives is `unknown`, as in every gRPC client.

/// What became of a call (google.rpc.Code).
public enum StatusCode: Int32, Sendable, Hashable, CaseIterable {
    /// The call succeeded.
    case ok = 0
    /// The call was given up, usually by the caller.
    case cancelled = 1
    /// A failure that fits no other code, or a code that is not in this list.
    case unknown = 2
    /// The request is wrong in itself, whatever the state of the server.
    case invalidArgument = 3
    /// The time allowed for the call is over; it may still have had its effect.
    case deadlineExceeded = 4
    /// What was asked for does not exist.
    case notFound = 5
    /// What was to be made exists already.
    case alreadyExists = 6
    /// The caller is known and may not do this.
    case permissionDenied = 7
    /// A limit is reached: of size, of number, or of rate.
    case resourceExhausted = 8
    /// The state of the server does not allow it; the same call may succeed once that has changed.
    case failedPrecondition = 9
    /// Somebody else changed the same thing at the same time: read again and repeat.
    case aborted = 10
    /// A value lies outside the range that is valid at present.
    case outOfRange = 11
    /// The server does not know the service or the method.
    case unimplemented = 12
    /// A failure of the server that the caller can do nothing about.
    case `internal` = 13
    /// The server cannot be reached or cannot serve at present: try again later.
    case unavailable = 14
    /// Data is lost or damaged beyond repair.
    case dataLoss = 15
    /// The caller is not known: credentials are missing, wrong or expired.
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
