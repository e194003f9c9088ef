// Compares passwords, and slows down whoever guesses them: after three failures of an account from one peer the next password
// counts after 1, 2, 4 … 60 seconds. Nobody is locked out by others' failures: who has signed in from that peer before, or shows
// a live refresh token, is let through.
//
// Every attempt costs the same look-up and the same work of bcrypt, also one that has to wait: a fast refusal of some accounts
// would tell which exist and from where their users sign in. An attempt from a peer that has to wait is compared with nothing, so
// its time does not tell either whether the password was right.

internal import Bcrypt
internal import ClinicStore
internal import OpenSSL
internal import RPC
internal import RPCMessages

/// Compares passwords with those of accounts.
struct PasswordVerifier: Sendable {
    let credentials: CredentialStore
    let passwords: BcryptPool
    let keys: SigningKeys
    let accessLog: AccessLog

    /// An account whose password was right.
    struct Verified: Sendable {
        let credentials: LoginState.Credentials
        let key: LoginThrottleKey
        /// Whether failures do not count.
        let isTrusted: Bool
        /// A hash of the password's composed form at today's cost, if the stored one is of another form or cost.
        let newHash: String?
    }

    /// With more failures than this from all peers in 15 minutes, an account's passwords are compared after those of others.
    private static let patientFailureCount: Int64 = 10

    /// The account of an e-mail and a password. A wrong e-mail and a wrong password get the same answer after the same work.
    /// Throws WRONG_CREDENTIALS, LOGIN_THROTTLED, or OVERLOADED.
    func verify(
        _ password: String, email: String, refreshToken: RefreshToken?, _ call: AuthorizedCall
    ) async throws -> Verified {
        let key = LoginThrottleKey(account: try digest("e-mail \(email)"), peer: try peer(call))
        let token = try refreshToken.map { (try $0.familyDigest(), try $0.digest()) }
        let state = try await credentials.state(
            email: email, key: key, refreshToken: token, for: call.context)
        return try await verify(password, state, key, call)
    }

    /// The account of a signed-in user and the current password. Throws as above. Its failures are counted apart from those of
    /// logins, so that nobody can keep a signed-in user from changing the password.
    func verify(_ password: String, userID: Int64, _ call: AuthorizedCall) async throws -> Verified {
        let key = LoginThrottleKey(
            account: try digest("user \(userID)"), peer: try peer(call), userID: userID)
        let state = try await credentials.state(userID: userID, key: key, for: call.context)
        do {
            return try await verify(password, state, key, call)
        } catch let status as Status where status.errorInfo?.reason == Reason.wrongCredentials.rawValue {
            throw Status(.wrongCredentials, "the current password is wrong")
        }
    }

    private func verify(
        _ password: String, _ state: LoginState, _ key: LoginThrottleKey, _ call: AuthorizedCall
    ) async throws -> Verified {
        let isTrusted = state.isKnownPeer || state.showsRefreshToken
        let hasToWait = state.delay > 0 && !isTrusted
        let isPatient = state.failureCount >= Self.patientFailureCount && !state.showsRefreshToken
        let verification = try await passwords.verify(
            anyFormOf: password, against: hasToWait ? nil : state.credentials?.passwordHash,
            fairnessKey: call.shareKey.number, priority: isPatient ? .low : .normal)
        guard verification.isRight, let credentials = state.credentials else {
            func note(_ refusal: Reason) {
                accessLog.noteSignIn(call, userID: state.credentials?.userID, refusal: refusal)
            }
            // Whoever repeats too early need not wait longer for it.
            if state.delay > 0 {
                note(.loginThrottled)
                throw Status(throttledFor: state.delay)
            }
            let delay = try await self.credentials.addFailure(
                key, userID: state.isKnownPeer ? state.credentials?.userID : nil,
                for: call.context)
            note(delay > 0 ? .loginThrottled : .wrongCredentials)
            throw delay > 0 ? Status(throttledFor: delay) : Status(.wrongCredentials)
        }
        return Verified(
            credentials: credentials, key: key, isTrusted: isTrusted, newHash: verification.newHash)
    }

    /// What requests for a new password of an e-mail are counted by, apart from wrong passwords.
    func resetKey(ofEmail email: String, _ call: AuthorizedCall) throws -> LoginThrottleKey {
        LoginThrottleKey(account: try digest("reset \(email)"), peer: try peer(call))
    }

    /// One IP address, or one /64 of IPv6, or one user of this machine.
    private func peer(_ call: AuthorizedCall) throws -> [UInt8] {
        try digest("peer \(call.clientAddress.network)")
    }

    private func digest(_ text: String) throws -> [UInt8] {
        try keys.signing.loginThrottle.authenticate(Array(text.utf8)).bytes
    }
}

extension BcryptPool {
    /// Hashes the composed form of a new password, so that it counts however a keyboard spells it. INVALID_PASSWORD if it breaks
    /// the rules.
    func hashNew(
        _ password: String, field: String = "password", fairnessKey: UInt64?
    ) async throws -> String {
        let composed = password.composed
        do { try PasswordRules.check(composed) } catch { throw Status(.invalidPassword, field: field) }
        return try await hash(composed, fairnessKey: fairnessKey)
    }

    /// Compares the composed form of a password, then the form as it was typed, which older versions hashed. How long that takes
    /// depends on what was typed alone.
    fileprivate func verify(
        anyFormOf password: String, against hash: String?, fairnessKey: UInt64?, priority: BcryptPriority
    ) async throws -> (isRight: Bool, newHash: String?) {
        let composed = password.composed
        let verification = try await verify(
            composed, against: hash, fairnessKey: fairnessKey, priority: priority)
        guard !verification.isRight, !composed.utf8.elementsEqual(password.utf8) else {
            return (verification.isRight, verification.newHash)
        }
        let asTyped = try await verify(
            password, against: hash, fairnessKey: fairnessKey, priority: priority)
        // Composing can make a password longer than bcrypt reads.
        guard asTyped.isRight, (try? PasswordRules.check(composed)) != nil else {
            return (asTyped.isRight, asTyped.newHash)
        }
        return (true, try await self.hash(composed, fairnessKey: fairnessKey))
    }
}

extension Status {
    /// LOGIN_THROTTLED with the time to wait.
    init(throttledFor seconds: Int64) {
        let unit = seconds == 1 ? "second" : "seconds"
        self = Status(.loginThrottled, "too many wrong passwords; try again in \(seconds) \(unit)")
            .adding(RPCRetryInfo(retryDelay: ProtobufDuration(seconds: seconds, nanos: 0)))
    }
}
