// Who is calling, told by the token of the call. A token is judged at every call, also where none is needed: a caller
// who believes to be signed in must not be answered as a stranger.

internal import ClinicStore
internal import Scheduling
internal import TTRPC

extension AccessTokens {
    /// The caller that a call's metadata names; throws UNAUTHENTICATED for anything but no or one valid token.
    func caller(of metadata: Metadata, now: Instant) throws(Status) -> Caller {
        let values = metadata["authorization"]
        guard let value = values.first else { return .anonymous }
        let scheme = "bearer "
        guard values.count == 1, value.utf8.prefix(scheme.utf8.count).map({ $0 | 0x20 }) == Array(scheme.utf8)
        else {
            throw Status(.invalidToken)
        }
        do throws(AccessTokenRefused) {
            let claims = try verify(value.dropFirst(scheme.count), now: now)
            return .user(id: claims.userID, role: claims.role)
        } catch {
            throw Status(.invalidToken)
        }
    }
}
