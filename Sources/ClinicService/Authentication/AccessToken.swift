// Access tokens: JWT (RFC 7519) signed with HS256 under a key id, valid for 15 minutes. What attacks on JWT exploit is not
// variable here: there is one algorithm, one header, one audience, one encoding of the same bytes, and one error for every
// failure.
//
// A verified token is cached by all of its bytes, so that later calls need only a look-up; its validity period is checked in
// every call.

public import ClinicStore
internal import Glibc
public import OpenSSL
public import Scheduling
internal import Synchronization

/// The claims of a token.
public struct AccessTokenClaims: Sendable, Hashable {
    /// The user, above 0.
    public let userID: Int64
    /// The role of the user when the token was issued; the current role is looked up.
    public let role: Role
    /// The token version of the user at that time, above 0. The token is invalid once the user has another one.
    public let tokenVersion: Int64
    /// The session that the token belongs to; nil if it was issued before tokens named theirs.
    public let sessionID: Int64?
    /// The start of the validity, in seconds since the Unix epoch.
    public let notBefore: Int64
    /// The end of the validity, in seconds since the Unix epoch.
    public let expiry: Int64
    /// The random identifier of the token.
    public let tokenID: String
}

/// The token was not accepted; the same error for every reason.
public struct AccessTokenRefused: Error, Sendable, Hashable {
    init() {}
}

/// A new token with its expiry.
public struct IssuedAccessToken: Sendable, Hashable {
    /// The value for `authorization: Bearer …`.
    public let text: String
    /// When it expires.
    public let expiry: Instant
}

/// Issues and verifies access tokens; usable from any thread.
public final class AccessTokens: Sendable {
    /// 15 minutes, in seconds.
    public static let lifetime: Int64 = 15 * 60
    /// Longer tokens are rejected without being read; an issued token has about 370 bytes.
    public static let maximumByteCount = 1_024

    private static let issuer = "clinic"
    private static let audience = "clinic.v1"

    private let keys: SigningKeys
    private let leeway: Int64
    private let verified: Mutex<VerifiedTokens>

    /// Tokens under these keys. Clocks of two servers may differ by `leeway` seconds (0 to 300); at most
    /// `rememberedTokens` verified tokens are cached, about 600 bytes each.
    public init(keys: SigningKeys, leeway: Int64 = 5, rememberedTokens: Int = 4_096) {
        self.keys = keys
        self.leeway = min(max(leeway, 0), 300)
        verified = Mutex(VerifiedTokens(limit: rememberedTokens, generation: keys.generation))
    }

    /// A token for a user, valid for 15 minutes from now; throws only when libcrypto fails. A new account has token
    /// version 1.
    public func issue(
        userID: Int64, role: Role, tokenVersion: Int64 = 1, sessionID: Int64? = nil, now: Instant
    ) throws(OpenSSLError) -> IssuedAccessToken {
        let tokenID = String(decoding: Base64URL.encode(try SecureRandom.bytes(count: 12)), as: UTF8.self)
        let issuedAt = now.secondsSinceEpoch
        let expiry = issuedAt + AccessTokens.lifetime
        let session = sessionID.map { #""sid":"\#($0)","# } ?? ""
        let payload = """
            {"iss":"\(AccessTokens.issuer)","aud":"\(AccessTokens.audience)","sub":"\(userID)",\
            "role":"\(role.rawValue)","ver":\(tokenVersion),\(session)"iat":\(issuedAt),"nbf":\(issuedAt),\
            "exp":\(expiry),"jti":"\(tokenID)"}
            """
        let key = keys.signing
        var token = key.accessTokenHeader + Base64URL.encode(payload.utf8)
        let signature = try key.accessTokens.authenticate(token)
        token.append(UInt8(ascii: "."))
        token += signature.withUnsafeBytes { Base64URL.encode($0) }
        return IssuedAccessToken(
            text: String(decoding: token, as: UTF8.self), expiry: Instant(secondsSinceEpoch: expiry) ?? now)
    }

    /// The claims of a token that was issued under these keys and is valid now.
    public func verify(_ token: ArraySlice<UInt8>, now: Instant) throws(AccessTokenRefused)
        -> AccessTokenClaims
    {
        guard token.count <= AccessTokens.maximumByteCount else { throw AccessTokenRefused() }
        let key = VerifiedToken.key(of: token)
        let generation = keys.generation
        if let known = verified.withLock({ $0.value(of: key, generation: generation) }), known.isOf(token) {
            try checkTimes(known.claims, now)
            return known.claims
        }
        let bytes = Array(token)
        let claims = try read(bytes)
        try checkTimes(claims, now)
        verified.withLock {
            $0.insert(VerifiedToken(bytes: bytes, claims: claims), for: key, generation: generation)
        }
        return claims
    }

    /// The claims of a token that was issued under these keys and is valid now.
    public func verify(_ token: [UInt8], now: Instant) throws(AccessTokenRefused) -> AccessTokenClaims {
        try verify(token[...], now: now)
    }

    /// The claims of a token that was issued under these keys and is valid now.
    public func verify(_ token: some StringProtocol, now: Instant) throws(AccessTokenRefused)
        -> AccessTokenClaims
    {
        // By its bytes: strings that are equal in Swift may have different bytes.
        try verify(Array(token.utf8), now: now)
    }

    private func checkTimes(_ claims: AccessTokenClaims, _ now: Instant) throws(AccessTokenRefused) {
        // Neither sum can overflow: an Instant is limited, and a token's number has at most 18 digits.
        let seconds = now.secondsSinceEpoch
        guard seconds - leeway < claims.expiry, claims.notBefore <= seconds + leeway else {
            throw AccessTokenRefused()
        }
    }

    /// Checks the header, then the signature, and parses the claims only after that.
    private func read(_ token: [UInt8]) throws(AccessTokenRefused) -> AccessTokenClaims {
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let key = signingKey(of: token, header: parts[0]) else {
            throw AccessTokenRefused()
        }
        guard let signature = Base64URL.decode(parts[2]), signature.count == Digest256.byteCount,
            let expected = try? key.accessTokens.authenticate(Array(token[..<parts[1].endIndex])),
            expected.isEqualInConstantTime(to: signature)
        else { throw AccessTokenRefused() }
        guard let payload = Base64URL.decode(parts[1]), let claims = FlatJSON(parsing: payload),
            claims.text("iss") == AccessTokens.issuer, claims.text("aud") == AccessTokens.audience,
            let subject = claims.text("sub"), let userID = Int64(subject), userID > 0,
            String(userID) == subject,
            let role = claims.text("role").flatMap(Role.init(rawValue:)),
            let tokenVersion = claims.integer("ver"), tokenVersion > 0,
            let issuedAt = claims.integer("iat"), let notBefore = claims.integer("nbf"),
            let expiry = claims.integer("exp"), let tokenID = claims.text("jti")
        else { throw AccessTokenRefused() }
        let session = claims.text("sid")
        let sessionID = session.flatMap { Int64($0) }
        guard session == nil || sessionID != nil else { throw AccessTokenRefused() }
        return AccessTokenClaims(
            userID: userID, role: role, tokenVersion: tokenVersion, sessionID: sessionID,
            notBefore: max(issuedAt, notBefore), expiry: expiry, tokenID: tokenID)
    }

    /// The key that the header names. Accepts the three members in any order, as other libraries write them; a further one
    /// (`crit`, `jwk`, `x5u` …) is refused.
    private func signingKey(of token: [UInt8], header: ArraySlice<UInt8>) -> SigningKey? {
        let all = keys.all
        if let key = all.first(where: { token.starts(with: $0.accessTokenHeader) }) { return key }
        guard let bytes = Base64URL.decode(header), let members = FlatJSON(parsing: bytes) else { return nil }
        return all.first {
            members.members == ["alg": .text("HS256"), "typ": .text("JWT"), "kid": .text($0.id)]
        }
    }
}

/// The tokens that were verified under the keys of one generation; those of another one are forgotten.
private struct VerifiedTokens {
    private var tokens: TwoGenerationCache<UInt64, VerifiedToken>
    private var generation: Int

    init(limit: Int, generation: Int) {
        tokens = TwoGenerationCache(limit: limit)
        self.generation = generation
    }

    mutating func value(of key: UInt64, generation: Int) -> VerifiedToken? {
        if generation != self.generation { forget(until: generation) }
        return tokens.value(of: key)
    }

    mutating func insert(_ token: VerifiedToken, for key: UInt64, generation: Int) {
        guard generation == self.generation else { return }
        tokens.insert(token, for: key)
    }

    private mutating func forget(until generation: Int) {
        // A thread that read an older generation is about to verify with keys that may be gone.
        guard generation > self.generation else { return }
        tokens.removeAll()
        self.generation = generation
    }
}

/// A verified token. It is looked up by the end of its signature, which a client cannot choose, and compared with all of its
/// bytes.
private struct VerifiedToken {
    let bytes: [UInt8]
    let claims: AccessTokenClaims

    static func key(of token: ArraySlice<UInt8>) -> UInt64 {
        token.withUnsafeBytes { bytes in
            let start = bytes.count - MemoryLayout<UInt64>.size
            return start < 0 ? 0 : bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
        }
    }

    /// Compares memory, which takes a twentieth of the time of comparing elements.
    func isOf(_ token: ArraySlice<UInt8>) -> Bool {
        guard token.count == bytes.count else { return false }
        return bytes.withUnsafeBytes { mine in
            token.withUnsafeBytes { other in
                guard let mine = mine.baseAddress, let other = other.baseAddress else { return true }
                return memcmp(mine, other, bytes.count) == 0
            }
        }
    }
}
