// clinic.v1.UserService.

internal import Bcrypt
internal import ClinicMessages
internal import ClinicStore
internal import Scheduling
internal import TTRPC
internal import TTRPCMessages

struct UserService: Sendable {
    let users: UserStore
    let passwords: BcryptPool
    let accessTokens: AccessTokens
    let pageTokens: PageTokens
    let throttle: LoginThrottle

    func createUser(_ request: CreateUserRequest, _ call: Call) async throws -> User {
        var fields = FieldReader()
        let draft = UserStore.Draft(
            firstName: fields.text(request.firstName, "first_name", limit: 100),
            lastName: fields.text(request.lastName, "last_name", limit: 100),
            phone: fields.phone(request.phone, "phone"), email: fields.email(request.email, "email"),
            passwordHash: "")
        try fields.finish()
        return User(
            try await users.create(draft.hashed(request.password, by: passwords), origin: call.origin))
    }

    /// A wrong e-mail and a wrong password get the same answer after the same work: one look-up and one hash.
    func login(_ request: LoginRequest, _ call: Call) async throws -> LoginResponse {
        let email = EmailAddress.normalised(request.email)
        let peer = call.peer.host
        do throws(LoginThrottled) { try throttle.check(account: email, peer: peer) } catch {
            throw Status(error)
        }
        let known = try await users.credentials(email: email)
        let isRight = try await passwords.verify(request.password, against: known?.passwordHash)
        do throws(LoginThrottled) {
            try throttle.record(succeeded: isRight, account: email, peer: peer)
        } catch {
            throw Status(error)
        }
        guard isRight, let known else { throw Status(.wrongCredentials) }
        let token = try accessTokens.issue(userID: known.userID, role: known.role, now: call.now)
        return LoginResponse(
            email: email, token: token.text, isAdmin: known.role == .admin,
            role: ClinicMessages.Role(known.role),
            expireTime: ProtobufTimestamp(token.expiry))
    }

    func listUsers(_ request: ListUsersRequest, _ call: Call) async throws -> ListUsersResponse {
        let page = try Page(of: request, call, keyLength: 1, tokens: pageTokens)
        let records = try await users.list(
            email: request.email.isEmpty ? nil : EmailAddress.normalised(request.email),
            role: ClinicStore.Role(from: request.role, by: ClinicMessages.Role.init),
            after: page.cursor?.first,
            limit: page.limit)
        let answer = try page.answer(records, key: { [$0.id] }, message: { User($0) })
        return ListUsersResponse(users: answer.messages, nextPageToken: answer.nextPageToken)
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
