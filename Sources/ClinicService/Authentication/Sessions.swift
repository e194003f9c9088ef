// A session: an access token for 15 minutes, and a refresh token for the session after it.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

/// Opens, renews and ends sessions.
struct Sessions: Sendable {
    let store: SessionStore
    let accessTokens: AccessTokens
    let keys: SigningKeys
    let revocations: SessionRevocationCache
    let accessLog: AccessLog
    /// How long a session lasts at most, in seconds, however often it is refreshed.
    let longestLifetime: Int64

    /// A session for a user whose password was right. Throws `staleVersion` when the account changed meanwhile.
    func open(for verified: PasswordVerifier.Verified, _ call: AuthorizedCall) async throws -> LoginResponse {
        let token = try RefreshToken()
        let (family, digest) = (try token.familyDigest(), try token.digest())
        let expiry = try expiry(call)
        let owner = try await againWhenOutcomeUnknown {
            try await store.open(
                userID: verified.credentials.userID, tokenVersion: verified.credentials.tokenVersion,
                family: family, token: digest, now: call.now, expiry: expiry, key: verified.key,
                isTrusted: verified.isTrusted, oldHash: verified.credentials.passwordHash,
                newHash: verified.newHash, context: context(call))
        }
        return try answer(owner, token, call)
    }

    /// The session after the one of a refresh token; for a while the same one again when the token comes back. Throws
    /// UNAUTHENTICATED, without a cause, when the token is not valid.
    func refresh(_ text: String, _ call: AuthorizedCall) async throws -> RefreshTokenResponse {
        guard let token = RefreshToken(text) else {
            accessLog.noteSignIn(call, userID: nil, refusal: .invalidToken)
            throw Status(.invalidToken)
        }
        // The first is new; the others are what another server may have given, whose answer was lost.
        let successors = try keys.all.map { try RefreshToken(after: token, under: $0) }
        let digests = try successors.map { try $0.digest() }
        let (family, digest) = (try token.familyDigest(), try token.digest())
        let expiry = try expiry(call)
        guard let openedAfter = call.now.adding(seconds: -longestLifetime) else { throw ClockOutOfRange() }
        do {
            let owner = try await againWhenOutcomeUnknown {
                try await store.refresh(
                    family: family, token: digest, successors: digests, now: call.now, expiry: expiry,
                    openedAfter: openedAfter, context: context(call))
            }
            guard let next = zip(successors, digests).first(where: { $0.1 == owner.token })?.0 else {
                throw Status(.invalidToken)
            }
            let login = try answer(owner, next, call)
            return RefreshTokenResponse(
                email: login.email, token: login.token, isAdmin: login.isAdmin, role: login.role,
                refreshToken: login.refreshToken, expireTime: login.expireTime, userID: login.userID)
        } catch let refusal as Refusal where refusal.reason == .invalidToken {
            let userID = refusal.detail["user_id"].flatMap { Int64($0) }
            if let userID { revocations.invalidate(userID) }
            accessLog.noteSignIn(call, userID: userID, refusal: .invalidToken)
            throw Status(.invalidToken)
        }
    }

    /// A sign-in has no actor yet, and a response with tokens is stored under no key.
    private func context(_ call: AuthorizedCall) -> RequestContext {
        RequestContext(
            actorID: nil, method: call.context.method, scheduling: call.context.scheduling,
            fairnessKey: call.context.fairnessKey)
    }

    private func expiry(_ call: AuthorizedCall) throws -> Instant {
        guard let expiry = call.now.adding(seconds: min(RefreshToken.lifetime, longestLifetime)) else {
            throw ClockOutOfRange()
        }
        return expiry
    }

    private func answer(_ owner: SessionRecord, _ token: RefreshToken, _ call: AuthorizedCall) throws
        -> LoginResponse
    {
        let access = try accessTokens.issue(
            userID: owner.userID, role: owner.role, tokenVersion: owner.tokenVersion,
            sessionID: try token.sessionID(), now: call.now)
        accessLog.noteSignIn(call, userID: owner.userID)
        return LoginResponse(
            email: owner.email, token: access.text, isAdmin: owner.role == .admin,
            role: ClinicMessages.Role(owner.role), refreshToken: token.text,
            expireTime: ProtobufTimestamp(access.expiry), userID: owner.userID)
    }

    /// Both statements are idempotent: they name what they write, so a second run finds what the first one wrote.
    private func againWhenOutcomeUnknown<Answer>(_ attempt: () async throws -> Answer) async throws -> Answer
    {
        for _ in 0..<2 {
            do {
                return try await attempt()
            } catch let error where StoreFailure(error)?.kind == .outcomeUnknown {
                continue
            }
        }
        return try await attempt()
    }
}
