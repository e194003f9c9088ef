// clinic.v1.UserService: accounts and sessions. UserService+Accounts.swift has the methods on an existing account.

internal import Bcrypt
internal import ClinicMessages
internal import ClinicStore
internal import OpenSSL
internal import RPC
internal import Scheduling
internal import TTRPCMessages

struct UserService: Sendable {
    let clinic: ClinicSettings
    let users: UserStore
    let personalData: PersonalDataStore
    let passwords: BcryptPool
    let sessions: Sessions
    let revocations: SessionRevocationCache
    let signingKeys: SigningKeys
    let pageTokens: PageTokens
    let throttle: LoginThrottle

    func createUser(_ request: CreateUserRequest, _ call: AuthorizedCall) async throws -> User {
        var fields = FieldReader()
        let draft = UserStore.Draft(
            firstName: fields.text(request.firstName, .firstName),
            lastName: fields.text(request.lastName, .lastName),
            phone: fields.phone(request.phone, "phone"), email: fields.email(request.email, "email"),
            passwordHash: "")
        try fields.finish()
        return User(
            try await users.create(
                draft.hashed(request.password, by: passwords),
                context: try call.context.hidingRequest(under: signingKeys)))
    }

    /// A wrong e-mail and a wrong password get the same answer after the same work: one look-up and one hash.
    func login(_ request: LoginRequest, _ call: AuthorizedCall) async throws -> LoginResponse {
        // A flood is refused before it asks the database.
        try passwords.checkCapacity()
        let email = EmailAddress.normalised(request.email)
        return try await withOptimisticRetry(call, earlier: { _ in nil }) {
            let known = try await limitingFailures(of: email, call) {
                let known = try await users.credentials(email: email)
                return try await passwords.verify(request.password, against: known?.passwordHash)
                    ? known : nil
            }
            guard let known else { throw Status(.wrongCredentials) }
            return known
        } write: {
            try await sessions.open(for: $0, call)
        }
    }

    func refreshToken(_ request: RefreshTokenRequest, _ call: AuthorizedCall) async throws -> LoginResponse {
        try await sessions.refresh(request.refreshToken, call)
    }

    func revokeTokens(_ request: RevokeTokensRequest, _ call: AuthorizedCall) async throws -> ProtobufEmpty {
        let (userID, ownerID) = try subject(request.userID, call)
        try await sessions.store.revoke(userID: userID, ownerID: ownerID, context: call.context)
        revocations.invalidate(userID)
        return ProtobufEmpty()
    }

    func changePassword(_ request: ChangePasswordRequest, _ call: AuthorizedCall) async throws
        -> ProtobufEmpty
    {
        guard let userID = call.caller.userID else { throw Status(.notSignedIn) }
        do { try PasswordRules.check(request.newPassword) } catch { throw Status(.invalidPassword) }
        let context = try call.context.hidingRequest(under: signingKeys)
        _ = try await withOptimisticRetry(call, earlier: { _ in try await users.earlierAnswer(to: context) })
        {
            let oldHash = try await users.passwordHash(of: userID)
            // No e-mail begins so: the request would have been refused.
            let isRight: Bool? = try await limitingFailures(of: "\u{0}\(userID)", call) {
                try await passwords.verify(request.currentPassword, against: oldHash) ? true : nil
            }
            guard isRight != nil else { throw Status(.wrongCredentials, "the current password is wrong") }
            return (oldHash, try await passwords.hash(request.newPassword))
        } write: { oldHash, newHash in
            try await users.changePassword(of: userID, from: oldHash, to: newHash, context: context)
        }
        revocations.invalidate(userID)
        return ProtobufEmpty()
    }

    func listUsers(_ request: ListUsersRequest, _ call: AuthorizedCall) async throws -> ListUsersResponse {
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        let records = try await users.list(
            email: request.email.isEmpty ? nil : EmailAddress.normalised(request.email),
            role: ClinicStore.Role(from: request.role, by: ClinicMessages.Role.init),
            after: page.cursor?.first,
            limit: page.limit)
        let answer = try page.answer(records, key: { [$0.id] }, message: { User($0) })
        return ListUsersResponse(users: answer.messages, nextPageToken: answer.nextPageToken)
    }

    /// Checks a password for an account, nil being a wrong one, unless there were too many wrong ones.
    private func limitingFailures<Right>(
        of account: String, _ call: AuthorizedCall, _ check: () async throws -> Right?
    ) async throws -> Right? {
        let peer = call.peer.host
        do throws(LoginThrottled) { try throttle.check(account: account, peer: peer) } catch {
            throw Status(error)
        }
        let right = try await check()
        do throws(LoginThrottled) {
            try throttle.record(succeeded: right != nil, account: account, peer: peer)
        } catch {
            throw Status(error)
        }
        return right
    }
}

extension RequestContext {
    /// The context of a request that holds a password, whose plain digest would let whoever reads the database try
    /// passwords by the billion.
    fileprivate func hidingRequest(under keys: SigningKeys) throws -> RequestContext {
        guard let key else { return self }
        var hidden = self
        hidden.key?.requestDigest = try keys.secretRequests.authenticate(key.requestDigest).bytes
        return hidden
    }
}

extension Peer {
    /// What failed sign-ins are counted by: the address without the port, or the Unix socket.
    fileprivate var host: String {
        switch transport {
        case .unix: "unix"
        case .tcp(let host, _): host
        }
    }
}

extension Status {
    fileprivate init(_ throttled: LoginThrottled) {
        let (seconds, attoseconds) = throttled.retryAfter.components
        self = Status(.loginThrottled, "too many failed sign-ins; try again in \(seconds + 1) seconds")
            .adding(
                RPCRetryInfo(
                    retryDelay: ProtobufDuration(
                        seconds: seconds, nanos: Int32(truncatingIfNeeded: attoseconds / 1_000_000_000))))
    }
}
