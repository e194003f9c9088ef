// Tokens for a new password: 16 random bytes, and 32 that follow from them and the user by a keyed hash. The database has the random
// bytes and the digest of the whole, so that a repeated call is answered with the same token and none is stored.

internal import OpenSSL

/// A token with which a user sets a new password once.
struct PasswordResetToken: Sendable {
    /// 30 minutes, in seconds.
    static let lifetime: Int64 = 30 * 60

    private static let nonceByteCount = 16
    private static let byteCount = 48
    private let bytes: [UInt8]

    /// What the token of a user follows from.
    static func nonce() throws(OpenSSLError) -> [UInt8] { try SecureRandom.bytes(count: nonceByteCount) }

    /// The token of a user that follows from these bytes.
    init(of userID: Int64, nonce: [UInt8], under keys: SigningKeys) throws(OpenSSLError) {
        bytes = nonce + (try keys.passwordResets.authenticate(Array("\(userID) ".utf8) + nonce)).bytes
    }

    /// The token of a text; nil for what cannot be one.
    init?(_ text: String) {
        guard text.utf8.count == Self.byteCount / 3 * 4, let bytes = Base64URL.decode(Array(text.utf8)) else {
            return nil
        }
        self.bytes = bytes
    }

    /// 64 characters.
    var text: String { String(decoding: Base64URL.encode(bytes), as: UTF8.self) }

    /// What the database knows this token by.
    func digest() throws(OpenSSLError) -> [UInt8] { try SHA256.digest(bytes).bytes }
}
