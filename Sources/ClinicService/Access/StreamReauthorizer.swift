// Reauthorizes the caller of a stream that can outlast a token: meanwhile the token may expire, and the user may be signed
// out, erased or given another role.

internal import ProtobufC
internal import RPC
internal import Scheduling

/// A request with a field for the access token, for clients that cannot send metadata with a stream.
protocol TokenBearing: Message {
    var accessToken: String { get }
}

/// Checks repeatedly whether the caller of a stream is still authorized. Used by one task.
struct StreamReauthorizer: Sendable {
    /// The minimum time between two checks. The session revocation cache is at most 5 seconds behind and refreshed at half
    /// that age, so with this interval a revoked caller's stream ends within 5 seconds.
    static let checkInterval = Duration.seconds(1)

    private let caller: Caller
    private let token: ArraySlice<UInt8>?
    private let identity: Identity
    private var checkedAt: ContinuousClock.Instant

    init(
        of caller: Caller, bearing token: ArraySlice<UInt8>?, identity: Identity, now: ContinuousClock.Instant
    ) {
        self.caller = caller
        self.token = token
        self.identity = identity
        checkedAt = now
    }

    /// Throws UNAUTHENTICATED when the token no longer identifies the same caller with the same role, and the store's error
    /// when the database cannot be read. Does nothing within `checkInterval` of the last check.
    mutating func check() async throws {
        let now = ContinuousClock.now
        guard checkedAt.duration(to: now) >= Self.checkInterval else { return }
        guard try await identity.caller(bearing: token, now: .now) == caller else {
            throw Status(.invalidToken)
        }
        checkedAt = now
    }
}
