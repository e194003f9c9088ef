// Tokens for a new password: 16 random bytes, and 32 that follow from them and the user by a keyed hash. The database has the random
// bytes and the digest of the whole, so that a repeated call is answered with the same token and none is stored.

internal import OpenSSL

/// A token with which a user sets a new password once.
struct PasswordResetToken: SecretToken {
    /// 30 minutes, in seconds.
    static let lifetime: Int64 = 30 * 60

    private static let nonceByteCount = 16
    let bytes: [UInt8]

    /// What the token of a user follows from.
    static func nonce() throws(OpenSSLError) -> [UInt8] { try SecureRandom.bytes(count: nonceByteCount) }

    /// The token of a user that follows from these bytes.
    init(of userID: Int64, nonce: [UInt8], under key: SigningKey) throws(OpenSSLError) {
        bytes = nonce + (try key.passwordResets.authenticate(Array("\(userID) ".utf8) + nonce)).bytes
    }

    init(bytes: [UInt8]) { self.bytes = bytes }
}
