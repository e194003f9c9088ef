// Who is calling, told by the token of the call. A token is judged at every call, also where none is needed: a caller
// who believes to be signed in must not be answered as a stranger. The token says who, and since when; what the bearer
// may do is looked up, because it may have changed since.

internal import ClinicStore
internal import Scheduling
internal import TTRPC

/// Tells callers by their tokens.
struct Identity: Sendable {
    let tokens: AccessTokens
    let standings: Standings

    /// The caller that a call's metadata names; throws UNAUTHENTICATED for anything but no or one valid token, and a
    /// `DatabaseError` when nobody can tell what the bearer may do.
    func caller(of metadata: Metadata, now: Instant) async throws -> Caller {
        try await caller(bearing: try token(in: metadata), now: now)
    }

    /// The bearer of a token; throws as above.
    func caller(bearing token: [UInt8]?, now: Instant) async throws -> Caller {
        guard let token else { return .anonymous }
        let claims: AccessTokenClaims
        do throws(AccessTokenRefused) {
            claims = try tokens.verify(token, now: now)
        } catch {
            throw Status(.invalidToken)
        }
        guard
            let standing = try await standings.standing(of: claims.userID, tokenVersion: claims.tokenVersion),
            standing.tokenVersion == claims.tokenVersion
        else { throw Status(.invalidToken) }
        return .user(id: claims.userID, role: standing.role)
    }

    /// The one token of a call's metadata, valid or not; nil without one.
    func token(in metadata: Metadata) throws(Status) -> [UInt8]? {
        let values = metadata["authorization"]
        guard var value = values.first else { return nil }
        guard values.count == 1, let token = value.withUTF8(Self.token(inCredentials:)) else {
            throw Status(.invalidToken)
        }
        return token
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
