// Who is calling, told by the token of the call. A token is judged at every call, also where none is needed: a caller
// who believes to be signed in must not be answered as a stranger. The token says who, and since when; what the bearer
// may do is looked up, because it may have changed since.

internal import ClinicStore
internal import Scheduling
internal import TTRPC

/// Tells callers by their tokens.
struct Identity: Sendable {
    let tokens: AccessTokens
    let standings: Standings

    /// The caller that a call's metadata names; throws UNAUTHENTICATED for anything but no or one valid token, and a
    /// `DatabaseError` when nobody can tell what the bearer may do.
    func caller(of metadata: Metadata, now: Instant) async throws -> Caller {
        try await caller(bearing: try token(in: metadata), now: now)
    }

    /// The bearer of a token; throws as above.
    func caller(bearing token: ArraySlice<UInt8>?, now: Instant) async throws -> Caller {
        guard let token else { return .anonymous }
        let claims = try claims(of: token, now: now)
        return try caller(
            claims, try await standings.standing(of: claims.userID, tokenVersion: claims.tokenVersion))
    }

    /// The caller that a call's metadata names and the moment of which that is true, as far as it can be told without
    /// waiting: nil when somebody has to be asked what the bearer may do. Throws as above.
    ///
    /// Calls that came in one read with the same metadata have one caller at one moment, which is found out for the
    /// first of them, and again when somebody's standing changes meanwhile: two locks that all event loops share, and
    /// three looks at the clock, are for a read and not for a call.
    func callerWithoutWaiting<Request>(
        of call: UnaryCall<Request>
    ) throws(Status) -> (caller: Caller, now: Instant)? {
        let edition = standings.currentEdition
        if let last = call.note as? IdentifiedCall, last.edition == edition { return (last.caller, last.now) }
        let now = Instant.now
        guard let token = try token(in: call.metadata) else { return (.anonymous, now) }
        let claims = try claims(of: token, now: now)
        guard
            let standing = standings.remembered(claims.userID, tokenVersion: claims.tokenVersion)
        else { return nil }
        let caller = try caller(claims, standing)
        call.note = IdentifiedCall(edition: edition, caller: caller, now: now)
        return (caller, now)
    }

    private func claims(of token: ArraySlice<UInt8>, now: Instant) throws(Status) -> AccessTokenClaims {
        do throws(AccessTokenRefused) {
            return try tokens.verify(token, now: now)
        } catch {
            throw Status(.invalidToken)
        }
    }

    private func caller(_ claims: AccessTokenClaims, _ standing: Standing?) throws(Status) -> Caller {
        guard let standing, standing.tokenVersion == claims.tokenVersion else { throw Status(.invalidToken) }
        return .user(id: claims.userID, role: standing.role)
    }

    /// The one token of a call's metadata, valid or not; nil without one.
    func token(in metadata: Metadata) throws(Status) -> ArraySlice<UInt8>? {
        guard let (value, isOnly) = metadata.first("authorization") else { return nil }
        guard isOnly, let token = Self.token(inCredentials: value) else { throw Status(.invalidToken) }
        return token
    }

    /// What follows `Bearer ` in any case.
    private static func token(inCredentials text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let scheme: StaticString = "bearer "
        guard text.count > scheme.utf8CodeUnitCount else { return nil }
        for index in 0..<scheme.utf8CodeUnitCount
        where text[text.startIndex + index] | 0x20 != scheme.utf8Start[index] {
            return nil
        }
        return text.dropFirst(scheme.utf8CodeUnitCount)
    }
}

/// Who made a call, for the others of the same read.
private final class IdentifiedCall: Sendable {
    let edition: UInt64
    let caller: Caller
    let now: Instant

    init(edition: UInt64, caller: Caller, now: Instant) {
        self.edition = edition
        self.caller = caller
        self.now = now
    }
}
