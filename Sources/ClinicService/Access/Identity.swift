// Identifies the caller of a call by its token. A token is verified at every call, also where none is needed: a caller who
// believes to be signed in must not be answered as an anonymous one. The token says who the caller is; what the caller may
// do is looked up, because it may have changed since the token was issued.

internal import ClinicStore
internal import RPC
internal import Scheduling

/// Identifies callers by their tokens.
struct Identity: Sendable {
    let tokens: AccessTokens
    let revocations: SessionRevocationCache

    /// The caller that a call's metadata names. Throws UNAUTHENTICATED for anything but no token or one valid token, and the
    /// store's error when the caller's standing cannot be read.
    func caller(of metadata: Metadata, now: Instant) async throws -> Caller {
        try await caller(bearing: try token(in: metadata), now: now)
    }

    /// The bearer of a token; throws as above.
    func caller(bearing token: ArraySlice<UInt8>?, now: Instant) async throws -> Caller {
        guard let token else { return .anonymous }
        let claims = try claims(of: token, now: now)
        return try caller(
            claims, try await revocations.standing(of: claims.userID, tokenVersion: claims.tokenVersion))
    }

    /// The caller that a call's metadata names and the moment for which that holds; nil when the caller's standing has to be
    /// read from the database. Throws as above.
    ///
    /// Calls of one read batch with the same metadata have one caller at one moment, which is found out for the first of
    /// them, and again when a standing changes meanwhile: two locks that all event loops share, and three readings of the
    /// clock, are needed once for a batch and not for each call.
    func callerWithoutWaiting<Request>(
        of call: UnaryCall<Request>, in batch: ReadBatch
    ) throws(Status) -> (caller: Caller, now: Instant)? {
        let edition = revocations.currentEdition
        if let last = batch.finding(from: call.metadata) as? IdentifiedCall, last.edition == edition {
            return (last.caller, last.now)
        }
        let now = Instant.now
        guard let token = try token(in: call.metadata) else { return (.anonymous, now) }
        let claims = try claims(of: token, now: now)
        guard
            let standing = revocations.remembered(claims.userID, tokenVersion: claims.tokenVersion)
        else { return nil }
        let caller = try caller(claims, standing)
        batch.keep(IdentifiedCall(edition: edition, caller: caller, now: now), from: call.metadata)
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

    /// The one token of a call's metadata, valid or not; nil without one. Throws UNAUTHENTICATED for several.
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

/// The caller of a call, for the other calls of the same batch.
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
