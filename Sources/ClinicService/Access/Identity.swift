// Who is calling, told by the token of the call. A token is judged at every call, also where none is needed: a caller
// who believes to be signed in must not be answered as a stranger.

internal import ClinicStore
internal import Scheduling
internal import TTRPC

extension AccessTokens {
    /// The caller that a call's metadata names; throws UNAUTHENTICATED for anything but no or one valid token.
    func caller(of metadata: Metadata, now: Instant) throws(Status) -> Caller {
        let values = metadata["authorization"]
        guard var value = values.first else { return .anonymous }
        guard values.count == 1, let token = value.withUTF8(Self.token(inCredentials:)) else {
            throw Status(.invalidToken)
        }
        do throws(AccessTokenRefused) {
            let claims = try verify(token, now: now)
            return .user(id: claims.userID, role: claims.role)
        } catch {
            throw Status(.invalidToken)
        }
    }

    /// What follows `Bearer ` in any case.
    private static func token(inCredentials text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        let scheme: StaticString = "bearer "
        guard text.count > scheme.utf8CodeUnitCount else { return nil }
        for index in 0..<scheme.utf8CodeUnitCount where text[index] | 0x20 != scheme.utf8Start[index] {
            return nil
        }
        return Array(text[scheme.utf8CodeUnitCount...])
    }
}
