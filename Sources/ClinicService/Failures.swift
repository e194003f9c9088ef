// Maps errors to statuses: the only place that decides which details a caller gets.

internal import Bcrypt
internal import ClinicStore
internal import Logging
internal import RPC

extension Status {
    /// The status that a caller gets for an error; the log gets what the caller may not know, with the same request id.
    init(describing error: any Error, of call: FailedCall, logger: Logger) {
        switch error {
        case let status as Status: self = status
        case let refusal as Refusal: self.init(refusal)
        case is BcryptPoolError, is Overloaded: self.init(.overloaded)
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        default:
            if let failure = StoreFailure(error) {
                self.init(failure, of: call, logger: logger)
            } else {
                self.init(unexpected: "\(type(of: error))", of: call, logger: logger)
            }
        }
    }

    private init(_ failure: StoreFailure, of call: FailedCall, logger: Logger) {
        switch failure.kind {
        case .unavailable: self.init(.databaseUnavailable)
        case .outcomeUnknown: self.init(.outcomeUnknown)
        case .exhausted: self.init(.overloaded)
        case .cancelled: self.init(.cancelled, "the call was cancelled")
        case .timedOut: self.init(.deadlineExceeded)
        case .conflict: self.init(.staleVersion)
        case .invalidValue: self.init(.invalidField)
        case .internal:
            self.init(unexpected: failure.description, of: call, logger: logger)
        }
    }

    private init(unexpected what: String, of call: FailedCall, logger: Logger) {
        let requestID = call.requestID
        logger.error(
            "a call failed unexpectedly",
            metadata: ["request_id": "\(requestID)", "method": "\(call.method)", "failure": "\(what)"])
        self.init(
            .internalError, "an internal error; quote request \(requestID)", [("request_id", requestID)])
    }
}
