// Which calls have a limited rate, and whose. What cannot be taken back grows with the number of changes, so nobody makes
// very many of them; reads are kept apart by shares alone. The clinic's own people and trusted proxies have no limit.

internal import ClinicStore
internal import ProtobufC
public import RPC
internal import RPCMessages

/// The classes of calls whose rate can be limited.
public enum RateLimitedCalls: String, Sendable, Hashable, CaseIterable {
    /// Calls of a patient that may change something.
    case changes
    /// Sign-ups from one address.
    case signUps = "sign-ups"
    /// Calls of a patient, or of an address without a token, that change nothing.
    case reads

    /// The usual rates; the classes without one are not limited.
    public static let usualRates: [RateLimitedCalls: Rate] = [
        .changes: Rate(perSecond: 50, burst: 1_000), .signUps: Rate(perSecond: 100, burst: 1_000),
    ]
}

/// The limits of one server.
struct CallRateLimits: Sendable {
    private let changes: RateLimit?
    private let signUps: RateLimit?
    private let reads: RateLimit?

    /// - Parameter rates: those of the classes that have one.
    init(_ rates: [RateLimitedCalls: Rate]) {
        func limit(_ calls: RateLimitedCalls) -> RateLimit? { rates[calls].map { RateLimit($0) } }
        (changes, signUps, reads) = (limit(.changes), limit(.signUps), limit(.reads))
    }

    /// The limit of a method, and the class that it is for; nil without one.
    func limit(ofMethod method: String, hasSideEffects: Bool) -> (limit: RateLimit, calls: RateLimitedCalls)?
    {
        if method == Self.signUp { return signUps.map { ($0, .signUps) } }
        if hasSideEffects { return changes.map { ($0, .changes) } }
        // The health check is always answered.
        return method.hasPrefix(Self.health) ? nil : reads.map { ($0, .reads) }
    }

    private static let signUp = "clinic.v1.UserService/CreateUser"
    private static let health = "grpc.health.v1.Health/"
}

extension UnaryCall {
    /// Counts the call of this caller toward a limit. Throws RATE_LIMITED with when to try again.
    func count(toward limited: (limit: RateLimit, calls: RateLimitedCalls), of caller: Caller) throws(Status)
    {
        let key: ShareKey
        switch (limited.calls, caller) {
        case (_, .user(_, .staff)), (_, .user(_, .admin)): return
        case (.signUps, _):
            if origin.isOfTrustedProxy { return }
            key = origin.shareKey
        case (.changes, .anonymous): return
        case (.reads, .anonymous):
            if origin.isOfTrustedProxy { return }
            key = origin.shareKey
        case (.changes, .user(let id, .patient)), (.reads, .user(let id, .patient)): key = ShareKey(user: id)
        }
        guard let wait = limited.limit.wait(of: key) else { return }
        let (seconds, attoseconds) = wait.components
        throw Status(.rateLimited).adding(
            RPCRetryInfo(
                retryDelay: ProtobufDuration(
                    seconds: seconds, nanos: Int32(truncatingIfNeeded: attoseconds / 1_000_000_000))))
    }
}
