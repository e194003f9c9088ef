// A token ends after a quarter of an hour; the session file also has one that is exchanged for the next. It counts once,
// and one that is sent twice ends the session: so two commands never send the same one. The first locks the file, and
// the second finds the new session in it.

internal import ClinicClient
internal import ClinicMessages
internal import TTRPC

extension Remote {
    /// The same with a token that has not ended, if there is a session to renew.
    func renewingSession(_ console: Console) async throws -> Remote {
        guard case .renewable = session, let file = SessionFile.find(console) else { return self }
        var remote = self
        do {
            remote.session = try await file.locked(within: settings.timeout) { isCurrent in
                let found = SessionState(try file.read(), for: settings.address, now: console.now())
                guard case .renewable(let old) = found else { return found }
                let next = try await renewal(of: old)
                // Somebody may have signed in meanwhile, without asking for the lock.
                guard isCurrent() else {
                    return SessionState(try file.read(), for: settings.address, now: console.now())
                }
                try file.write(next)
                return SessionState(next, for: settings.address, now: console.now())
            }
        } catch let status as Status {
            throw RemoteFailure(status: status, session: session, output: settings.output)
        }
        client.token = remote.session.token
        return remote
    }

    /// The session after this one; this one without its refresh token if the server does not take that.
    private func renewal(of session: Session) async throws(Status) -> Session {
        let request = RefreshTokenRequest(refreshToken: session.refreshToken ?? "")
        do throws(Status) {
            return Session(
                try await client.call(UserServiceMethods.refreshToken, request), at: settings.address)
        } catch  where error.code == .unauthenticated {
            return session.withoutRefreshToken
        }
    }
}
