// clinic.v1.UserService: accounts and sessions. UserService+Accounts.swift has the methods on an existing account.

internal import Bcrypt
internal import ClinicMessages
internal import ClinicStore
internal import OpenSSL
internal import RPC
internal import RPCMessages
internal import Scheduling

struct UserService: Sendable {
    let clinic: ClinicSettings
    let users: UserStore
    let personalData: PersonalDataStore
    let events: EventStore
    let passwords: BcryptPool
    let sessions: Sessions
    let revocations: SessionRevocationCache
    let signingKeys: SigningKeys
    let pageTokens: PageTokens
    let verifier: PasswordVerifier

    func createUser(_ request: CreateUserRequest, _ call: AuthorizedCall) async throws -> User {
        var fields = FieldReader()
        let draft = UserStore.Draft(
            firstName: fields.text(request.firstName, .firstName),
            lastName: fields.text(request.lastName, .lastName),
            phone: fields.phone(request.phone, "phone"), email: fields.email(request.email, "email"),
            passwordHash: "")
        try fields.finish()
        let hashed = try await draft.hashed(request.password, by: passwords, for: call.shareKey)
        return User(
            try await signingKeys.hidingRequest(of: call) { context in
                try await users.create(hashed, context: context)
            })
    }

    func login(_ request: LoginRequest, _ call: AuthorizedCall) async throws -> LoginResponse {
        // A flood is refused before it asks the database.
        try passwords.checkCapacity(fairnessKey: call.shareKey.number)
        let email = EmailAddress.normalised(request.email)
        let refreshToken = RefreshToken(request.refreshToken)
        return try await withOptimisticRetry(call, earlier: { _ in nil }) {
            try await verifier.verify(request.password, email: email, refreshToken: refreshToken, call)
        } write: {
            try await sessions.open(for: $0, call)
        }
    }

    func refreshToken(_ request: RefreshTokenRequest, _ call: AuthorizedCall) async throws
        -> RefreshTokenResponse
    {
        try await sessions.refresh(request.refreshToken, call)
    }

    func revokeTokens(_ request: RevokeTokensRequest, _ call: AuthorizedCall) async throws
        -> RevokeTokensResponse
    {
        let (userID, ownerID) = try subject(request.userID, call)
        try await sessions.store.revoke(userID: userID, ownerID: ownerID, context: call.context)
        revocations.invalidate(userID)
        return RevokeTokensResponse()
    }

    func changePassword(_ request: ChangePasswordRequest, _ call: AuthorizedCall) async throws
        -> ChangePasswordResponse
    {
        guard let userID = call.caller.userID else { throw Status(.notSignedIn) }
        do { try PasswordRules.check(request.newPassword.composed) } catch {
            throw Status(.invalidPassword, field: "new_password")
        }
        _ = try await signingKeys.hidingRequest(of: call) { context in
            try await withOptimisticRetry(
                call, earlier: { _ in try await users.earlierAnswer(to: context) }
            ) {
                let verified = try await verifier.verify(request.currentPassword, userID: userID, call)
                return (
                    verified,
                    try await passwords.hashNew(
                        request.newPassword, field: "new_password", fairnessKey: call.shareKey.number)
                )
            } write: { verified, newHash in
                try await users.changePassword(
                    of: userID, from: verified.credentials.passwordHash, to: newHash, key: verified.key,
                    context: context)
            }
        }
        revocations.invalidate(userID)
        return ChangePasswordResponse()
    }

    func listUsers(_ request: ListUsersRequest, _ call: AuthorizedCall) async throws -> ListUsersResponse {
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        let query = request.query.trimmedAndComposed
        guard query.isEmpty || query.split(whereSeparator: \.isWhitespace).allSatisfy({ $0.count >= 2 })
        else { throw Status(field: "query", "has words of at least 2 characters") }
        let records = try await users.list(
            email: request.email.isEmpty ? nil : EmailAddress.normalised(request.email),
            role: try ClinicStore.Role(filter: request.role, "role", by: ClinicMessages.Role.init),
            query: query.isEmpty ? nil : query, after: page.cursor?.first,
            limit: page.limit, for: call.context)
        let answer = try page.answer(records, key: { [$0.id] }, message: { User($0) })
        return ListUsersResponse(users: answer.messages, nextPageToken: answer.nextPageToken)
    }
}

extension RequestContext {
    /// The context of a request that holds a password, whose plain digest would let whoever reads the database try
    /// passwords by the billion.
    func hidingRequest(under signingKey: SigningKey) throws -> RequestContext {
        guard let key else { return self }
        var hidden = self
        hidden.key?.requestDigest = try signingKey.secretRequests.authenticate(key.requestDigest).bytes
        return hidden
    }
}

extension SigningKeys {
    /// Changes something by a request that holds a password. A repeated call may have been answered by a server that signs
    /// with another key of these, so a key that was used for another request is tried under each.
    func hidingRequest<Answer>(
        of call: AuthorizedCall, _ change: (RequestContext) async throws -> Answer
    ) async throws -> Answer {
        var contexts = try all.map { try call.context.hidingRequest(under: $0) }[...]
        let first = contexts.removeFirst()
        do {
            return try await change(first)
        } catch let refusal as Refusal where refusal.reason == .keyReused {
            for context in contexts {
                do {
                    return try await change(context)
                } catch let refusal as Refusal where refusal.reason == .keyReused {
                    continue
                }
            }
            throw refusal
        }
    }
}
