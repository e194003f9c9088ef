// The methods of clinic.v1.UserService about passwords that were forgotten.

internal import Bcrypt
internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct PasswordResetService: Sendable {
    let resets: PasswordResetStore
    let passwords: BcryptPool
    let verifier: PasswordVerifier
    let revocations: SessionRevocationCache
    let signingKeys: SigningKeys
    let pageTokens: PageTokens

    /// The same answer after the same work, whether or not there is such an account.
    func requestPasswordReset(_ request: RequestPasswordResetRequest, _ call: AuthorizedCall) async throws
        -> RequestPasswordResetResponse
    {
        var fields = FieldReader()
        let email = fields.email(request.email, "email")
        try fields.finish()
        let delay = try await resets.request(
            email: email, key: try verifier.resetKey(ofEmail: email, call),
            for: call.context)
        if delay > 0 { throw Status(throttledFor: delay) }
        return RequestPasswordResetResponse()
    }

    func listPasswordResetRequests(
        _ request: ListPasswordResetRequestsRequest, _ call: AuthorizedCall
    ) async throws -> ListPasswordResetRequestsResponse {
        let page = try ListPage(of: request, call, keyLength: 2, tokens: pageTokens)
        let cursor = page.cursor.map { (Instant(microsecondsSinceEpoch: $0[0]), $0[1]) }
        let records = try await resets.requests(
            after: cursor, limit: page.limit, for: call.context)
        let answer = try page.answer(
            records, key: { [$0.requestedAt.microsecondsSinceEpoch, $0.userID] },
            message: { record in
                OpenPasswordReset(
                    userID: record.userID, email: record.email, firstName: record.firstName,
                    lastName: record.lastName, requestTime: ProtobufTimestamp(record.requestedAt))
            })
        return ListPasswordResetRequestsResponse(
            requests: answer.messages, nextPageToken: answer.nextPageToken)
    }

    func createPasswordReset(_ request: CreatePasswordResetRequest, _ call: AuthorizedCall) async throws
        -> CreatePasswordResetResponse
    {
        let nonce = try PasswordResetToken.nonce()
        let token = try PasswordResetToken(of: request.userID, nonce: nonce, under: signingKeys.signing)
        guard let expiry = call.now.adding(seconds: PasswordResetToken.lifetime) else {
            throw ClockOutOfRange()
        }
        // A repeated call gets the nonce of the first.
        let record = try await resets.create(
            userID: request.userID, nonce: nonce, token: token.digest(), expiry: expiry,
            context: call.context)
        let made = try await madeToken(of: record, for: call)
        return CreatePasswordResetResponse(
            token: made.text, expireTime: ProtobufTimestamp(record.expiry))
    }

    /// The token that was made with a record: the server that made it may sign with another key than this one.
    private func madeToken(of record: PasswordResetRecord, for call: AuthorizedCall) async throws
        -> PasswordResetToken
    {
        let tokens = try signingKeys.all.map {
            try PasswordResetToken(of: record.userID, nonce: record.nonce, under: $0)
        }
        for token in tokens.dropFirst()
        where try await resets.isLive(
            token.digest(), now: call.now, for: call.context)
        {
            return token
        }
        return tokens[0]
    }

    func resetPassword(_ request: ResetPasswordRequest, _ call: AuthorizedCall) async throws
        -> ResetPasswordResponse
    {
        do { try PasswordRules.check(request.password.composed) } catch {
            throw Status(.invalidPassword, field: "password")
        }
        guard let token = PasswordResetToken(request.token) else { throw Status(.invalidToken) }
        let digest = try token.digest()
        // Whoever has no token costs no hash.
        guard try await resets.isLive(digest, now: call.now, for: call.context) else {
            throw Status(.invalidToken)
        }
        let user = try await resets.reset(
            digest,
            to: try await passwords.hashNew(
                request.password, fairnessKey: call.shareKey.number), now: call.now,
            context: RequestContext(
                actorID: nil, method: call.context.method, scheduling: call.context.scheduling,
                fairnessKey: call.context.fairnessKey))
        revocations.invalidate(user.id)
        return ResetPasswordResponse()
    }
}
