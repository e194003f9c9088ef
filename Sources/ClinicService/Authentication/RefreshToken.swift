// Refresh tokens: 48 random bytes, of which this service stores only digests. A plain SHA-256 is enough: unlike a password,
// random bytes cannot be guessed.
//
// The first 16 bytes are the same in all tokens of one sign-in. So one row for each sign-in is enough to know a token
// that was used before: it begins like the newest one and is another.
//
// The others follow from the token before by a keyed hash: every server gives the same successor to a token that comes back
// because its answer was lost, and none is stored. A server that signs with another key finds it among the successors under
// all keys.

internal import OpenSSL

/// A token that is exchanged once for a new session.
struct RefreshToken: SecretToken {
    /// 30 days, in seconds.
    static let lifetime: Int64 = 30 * 86_400

    private static let familyByteCount = 16
    let bytes: [UInt8]

    /// The first token of a new sign-in.
    init() throws(OpenSSLError) {
        bytes = try SecureRandom.bytes(count: Self.byteCount)
    }

    /// The next token of the same sign-in, which is always the same one under one key.
    init(after token: RefreshToken, under key: SigningKey) throws(OpenSSLError) {
        bytes =
            token.bytes.prefix(Self.familyByteCount)
            + (try key.refreshTokens.authenticate(token.bytes)).bytes
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// What the database knows the sign-in by.
    func familyDigest() throws(OpenSSLError) -> [UInt8] {
        try SHA256.digest(Array(bytes.prefix(Self.familyByteCount))).bytes
    }

    /// What access tokens of the sign-in name it by: the beginning of its digest.
    func sessionID() throws(OpenSSLError) -> Int64 {
        Int64(bitPattern: try familyDigest().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
