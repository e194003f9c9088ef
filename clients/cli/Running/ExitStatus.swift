// The exit codes, which scripts rely on.

internal import RPC

/// An exit code.
enum ExitStatus: Int32 {
    case success = 0
    /// Any other failure.
    case failure = 1
    /// Wrong arguments; nothing was sent.
    case usage = 2
    /// INVALID_ARGUMENT, OUT_OF_RANGE.
    case invalid = 3
    /// UNAUTHENTICATED, PERMISSION_DENIED.
    case notAllowed = 4
    /// NOT_FOUND.
    case notFound = 5
    /// ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED.
    case conflict = 6
    /// UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED.
    case unavailable = 7
    /// The status of a program killed by SIGPIPE.
    case brokenPipe = 141

    init(_ code: StatusCode) {
        self =
            switch code {
            case .ok: .success
            case .invalidArgument, .outOfRange: .invalid
            case .unauthenticated, .permissionDenied: .notAllowed
            case .notFound: .notFound
            case .alreadyExists, .failedPrecondition, .aborted: .conflict
            case .unavailable, .deadlineExceeded, .resourceExhausted: .unavailable
            case .cancelled, .unknown, .unimplemented, .internal, .dataLoss: .failure
            }
    }
}
