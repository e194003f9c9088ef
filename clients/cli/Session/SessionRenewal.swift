// Renews sessions. An access token expires after 15 minutes; the session file also holds a refresh token for the
// next one. A refresh token works once, and using it twice ends the session, so commands that run at the same time
// renew under a file lock: the first command renews, and the others find the new session in the file.

internal import ClinicClient
internal import ClinicMessages
internal import RPC

extension RemoteServer {
    /// The same server with an unexpired token, if the session can be renewed.
    func withRenewedSession(_ console: Console) async throws -> RemoteServer {
        guard case .renewable = session, let file = SessionFile.find(console) else { return self }
        var remote = self
        do {
            remote.session = try await file.withLock(within: settings.timeout) { isCurrent in
                let found = SessionState(try file.read(), for: settings.addresses, now: console.now())
                guard case .renewable(let old) = found else { return found }
                let next = try await renewal(of: old)
                // A login does not take the lock and may have replaced the session meanwhile.
                guard isCurrent() else {
                    return SessionState(try file.read(), for: settings.addresses, now: console.now())
                }
                try file.write(next)
                return SessionState(next, for: settings.addresses, now: console.now())
            }
        } catch let status as Status {
            throw RemoteFailure(status: status, session: session)
        }
        client.token = remote.session.token
        return remote
    }

    /// The renewed session; if the server rejects the refresh token, the old session without it.
    private func renewal(of session: StoredSession) async throws(Status) -> StoredSession {
        let request = RefreshTokenRequest(refreshToken: session.refreshToken ?? "")
        do throws(Status) {
            let renewed = try await client.call(UserServiceMethods.refreshToken, request)
            return StoredSession(
                LoginResponse(
                    email: renewed.email, token: renewed.token, role: renewed.role,
                    refreshToken: renewed.refreshToken, expireTime: renewed.expireTime),
                at: settings.addresses)
        } catch  where error.code == .unauthenticated {
            return session.withoutRefreshToken
        }
    }
}
