// Identifies the caller of a call by its token. A token is verified in every call, even where none is required, so that a
// caller with an invalid token gets an error and not the response for anonymous callers. The token names the user; the role
// is looked up, because it may have changed since the token was issued.

internal import ClinicStore
internal import RPC
internal import Scheduling

/// Identifies callers by their tokens.
struct Identity: Sendable {
    let tokens: AccessTokens
    let revocations: SessionRevocationCache

    /// The caller that a call's metadata names. Throws UNAUTHENTICATED unless there is no token or one valid token, and the
    /// store's error when the caller's role cannot be read.
    func caller(of metadata: Metadata, now: Instant) async throws -> Caller {
        try await caller(bearing: try token(in: metadata), now: now)
    }

    /// The bearer of a token, anonymous without one; throws as above.
    func caller(bearing token: ArraySlice<UInt8>?, now: Instant) async throws -> Caller {
        guard let token else { return .anonymous }
        let claims = try claims(of: token, now: now)
        return try caller(
            claims, try await revocations.access(of: claims.userID, tokenVersion: claims.tokenVersion))
    }

    /// The caller that a call's metadata names and the moment of that decision; nil when the role has to be read from the
    /// database. Throws as above.
    ///
    /// The result is reused for the calls of one read batch with the same metadata, until the session revocation cache
    /// changes: two locks shared by all event loops and three clock reads are then paid once per batch, not per call.
    func callerWithoutWaiting<Request>(
        of call: UnaryCall<Request>, in batch: ReadBatch
    ) throws(Status) -> (caller: Caller, now: Instant)? {
        let generation = revocations.generation
        if let last = batch.finding(from: call.metadata) as? IdentifiedCall, last.generation == generation {
            return (last.caller, last.now)
        }
        let now = Instant.now
        guard let token = try token(in: call.metadata) else { return (.anonymous, now) }
        let claims = try claims(of: token, now: now)
        guard
            let access = revocations.cached(claims.userID, tokenVersion: claims.tokenVersion)
        else { return nil }
        let caller = try caller(claims, access)
        batch.keep(IdentifiedCall(generation: generation, caller: caller, now: now), from: call.metadata)
        return (caller, now)
    }

    private func claims(of token: ArraySlice<UInt8>, now: Instant) throws(Status) -> AccessTokenClaims {
        do throws(AccessTokenRefused) {
            return try tokens.verify(token, now: now)
        } catch {
            throw Status(.invalidToken)
        }
    }

    private func caller(_ claims: AccessTokenClaims, _ access: UserAccess?) throws(Status) -> Caller {
        guard let access, access.tokenVersion == claims.tokenVersion else { throw Status(.invalidToken) }
        if !access.endedSessions.isEmpty, let sessionID = claims.sessionID,
            access.endedSessions.contains(sessionID)
        {
            throw Status(.invalidToken)
        }
        return .user(id: claims.userID, role: access.role)
    }

    /// The token in a call's metadata, not yet verified; nil if there is none. Throws UNAUTHENTICATED for more than one.
    func token(in metadata: Metadata) throws(Status) -> ArraySlice<UInt8>? {
        guard let (value, isOnly) = metadata.first("authorization") else { return nil }
        guard isOnly, let token = Self.token(inCredentials: value) else { throw Status(.invalidToken) }
        return token
    }

    /// What follows `Bearer `, compared ignoring case.
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

/// The caller of a call, cached for the other calls of the same read batch.
private final class IdentifiedCall: Sendable {
    let generation: UInt64
    let caller: Caller
    let now: Instant

    init(generation: UInt64, caller: Caller, now: Instant) {
        self.generation = generation
        self.caller = caller
        self.now = now
    }
}
