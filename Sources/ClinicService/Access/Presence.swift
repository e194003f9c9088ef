// The caller of a call that goes on for longer than a token counts. Who was let in at the beginning is asked again: a
// token expires, and people are signed out, erased or given another role meanwhile.

internal import ProtobufC
internal import Scheduling
internal import TTRPC

/// A request that may hold the access token itself. Some clients cannot send metadata with a stream.
protocol TokenBearing: Message {
    var accessToken: String { get }
}

/// A caller who was let in and stays. For one task.
struct Presence: Sendable {
    /// How long a caller who was asked is left alone. With what is known of a caller being up to 5 seconds old, and read
    /// again when it is half as old, this is short enough to be out within 5 seconds.
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

    /// Throws UNAUTHENTICATED when the caller of the beginning would not be let in now as the same; a `DatabaseError`
    /// when nobody can tell. Looks only if the last look is a second ago.
    mutating func check() async throws {
        let now = ContinuousClock.now
        guard checkedAt.duration(to: now) >= Self.checkInterval else { return }
        guard try await identity.caller(bearing: token, now: .now) == caller else {
            throw Status(.invalidToken)
        }
        checkedAt = now
    }
}
