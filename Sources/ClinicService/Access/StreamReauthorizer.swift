// Reauthorizes the caller of a stream that lasts longer than a token is valid: a token expires, and people are signed out,
// erased or given another role meanwhile.

internal import ProtobufC
internal import RPC
internal import Scheduling

/// A request that may hold the access token itself. Some clients cannot send metadata with a stream.
protocol TokenBearing: Message {
    var accessToken: String { get }
}

/// Checks again and again whether the caller of a stream is still authorized. For one task.
struct StreamReauthorizer: Sendable {
    /// The least time between two checks. Standings are up to 5 seconds old and read again at half that age, so with this
    /// interval a revoked caller's stream ends within 5 seconds.
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
    /// when that cannot be read. Checks only if the last check is a second ago.
    mutating func check() async throws {
        let now = ContinuousClock.now
        guard checkedAt.duration(to: now) >= Self.checkInterval else { return }
        guard try await identity.caller(bearing: token, now: .now) == caller else {
            throw Status(.invalidToken)
        }
        checkedAt = now
    }
}
