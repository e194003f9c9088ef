// One secret and the keys that are derived from it, one for each purpose, so that nothing that was signed for one purpose is
// valid for another.

internal import Glibc
public import OpenSSL

/// The keys of one secret of 32 bytes.
public struct SigningKey: Sendable {
    /// Identifies the secret, in the header of a token and in the database, without revealing it.
    public let id: String
    /// Signs access tokens; its key is the secret itself, so that any JWT library can check one.
    let accessTokens: HMACSHA256
    /// The encoded header of every access token, including the dot after it.
    let accessTokenHeader: [UInt8]
    /// Signs page tokens, under a derived key.
    let pageTokens: HMACSHA256
    /// Digests requests that contain a password: without the key, passwords cannot be tried against a stored digest.
    let secretRequests: HMACSHA256
    /// Makes the digests of accounts and peers by which wrong passwords are counted.
    let loginThrottle: HMACSHA256
    /// Makes each refresh token from the one before.
    let refreshTokens: HMACSHA256
    /// Makes the tokens for new passwords.
    let passwordResets: HMACSHA256

    static let secretByteCount = 32

    /// The keys of a secret of at least 32 bytes.
    public init(secret: [UInt8]) throws(SigningKeyError) {
        guard secret.count >= Self.secretByteCount else { throw .malformed(path: "in memory") }
        do throws(OpenSSLError) {
            accessTokens = try HMACSHA256(key: secret)
            // None of these texts can be a prefix of a token, which begins with base64url of `{"`.
            pageTokens = try HMACSHA256(
                key: accessTokens.authenticate(Array("clinic page tokens".utf8)).bytes)
            secretRequests = try HMACSHA256(
                key: accessTokens.authenticate(Array("clinic secret requests".utf8)).bytes)
            loginThrottle = try HMACSHA256(
                key: accessTokens.authenticate(Array("clinic login throttle".utf8)).bytes)
            refreshTokens = try HMACSHA256(
                key: accessTokens.authenticate(Array("clinic refresh tokens".utf8)).bytes)
            passwordResets = try HMACSHA256(
                key: accessTokens.authenticate(Array("clinic password resets".utf8)).bytes)
            let name = try accessTokens.authenticate(Array("clinic key id".utf8)).bytes.prefix(8)
            id = String(decoding: Base64URL.encode(name), as: UTF8.self)
        } catch { throw .crypto(error) }
        let header = #"{"alg":"HS256","kid":"\#(id)","typ":"JWT"}"#
        accessTokenHeader = Base64URL.encode(header.utf8) + [UInt8(ascii: ".")]
    }
}

/// Why there is no signing key; each message says what to do.
public enum SigningKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Others than the owner, or than owner and group, may read or write the file.
    case openToOthers(path: String, mode: UInt32)
    /// The file belongs to another user.
    case ownedByAnother(path: String)
    /// It is not a regular file, or its content is not a key.
    case malformed(path: String)
    /// A file that was named does not hold keys as it should.
    case badFile(path: String, reason: String)
    /// A system call failed with this errno.
    case system(path: String, call: String, errno: Int32)
    /// libcrypto failed.
    case crypto(OpenSSLError)

    /// One line for the operator.
    public var description: String {
        switch self {
        case .openToOthers(let path, let mode):
            "the signing key \(path) has mode \(String(mode, radix: 8)): others may use it; run chmod 600 on it "
                + "(a secret mount is mode 0440 or 0400), or replace it if it may have been read"
        case .ownedByAnother(let path):
            "the signing key \(path) belongs to another user: give it to the user the service runs as"
        case .malformed(let path):
            "the signing key \(path) is damaged: restore it, or delete it, run `clinicd configure "
                + "--replace-signing-keys`, and everybody must log in again"
        case .badFile(let path, let reason):
            "the signing keys \(path): \(reason)"
        case .system(let path, let call, let code):
            "the signing key \(path) cannot be used: \(call): \(String(cString: strerror(code)))"
        case .crypto(let error):
            "the signing key cannot be used: \(error)"
        }
    }
}
