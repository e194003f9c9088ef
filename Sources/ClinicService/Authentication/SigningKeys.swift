// The secret that signs access tokens and page tokens, and keys the digests of requests that contain a password and of the accounts
// and peers whose wrong passwords are counted. It is stored in a file beside the socket, so that a restart signs nobody out. Anyone
// who can read the file can sign in as any user, so it is created with mode 0600 and rejected if others may access it.
//
// It is written to a temporary file, synced, and linked to its name: after a crash there is no key or a complete one, and when
// two servers start at once, one creates the key and the other reads it.

internal import Glibc
public import OpenSSL

/// Why there is no signing key; each message says what to do.
public enum SigningKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Others than the owner may read or write the file.
    case openToOthers(path: String, mode: UInt32)
    /// The file belongs to another user.
    case ownedByAnother(path: String)
    /// It is not a regular file, or its content is not a key.
    case malformed(path: String)
    /// A system call failed with this errno.
    case system(path: String, call: String, errno: Int32)
    /// libcrypto failed.
    case crypto(OpenSSLError)

    /// One line for the operator.
    public var description: String {
        switch self {
        case .openToOthers(let path, let mode):
            "the signing key \(path) has mode \(String(mode, radix: 8)): others may use it; run chmod 600 on it, "
                + "or delete it if it may have been read"
        case .ownedByAnother(let path):
            "the signing key \(path) belongs to another user: give it to the user the service runs as"
        case .malformed(let path):
            "the signing key \(path) is damaged: delete it (everybody must log in again) or restore it"
        case .system(let path, let call, let code):
            "the signing key \(path) cannot be used: \(call): \(String(cString: strerror(code)))"
        case .crypto(let error):
            "the signing key cannot be used: \(error)"
        }
    }
}

/// The keys of one deployment, derived from one secret of 32 bytes.
public struct SigningKeys: Sendable {
    /// Identifies the secret in a token's header without revealing it.
    public let keyID: String
    /// Signs access tokens; its key is the secret itself, so that any JWT library can check one.
    let accessTokens: HMACSHA256
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
        guard secret.count >= SigningKeys.secretByteCount else { throw .malformed(path: "in memory") }
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
            keyID = String(decoding: Base64URL.encode(name), as: UTF8.self)
        } catch { throw .crypto(error) }
    }

    /// Reads the key file at a path, and creates it with mode 0600 if there is none; its directory must exist.
    public static func loadOrCreate(at path: String) throws(SigningKeyError) -> SigningKeys {
        if let secret = try read(path) { return try SigningKeys(secret: secret) }
        try create(path)
        guard let secret = try read(path) else { throw .system(path: path, call: "open", errno: ENOENT) }
        return try SigningKeys(secret: secret)
    }

    /// The secret in the file; nil when there is no file.
    private static func read(_ path: String) throws(SigningKeyError) -> [UInt8]? {
        // Without following a symbolic link, and without waiting for the writer of a named pipe.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(path: path, call: "open", errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(path: path, call: "fstat", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .malformed(path: path) }
        guard status.st_uid == geteuid() || status.st_uid == 0 else { throw .ownedByAnother(path: path) }
        guard status.st_mode & 0o077 == 0 else {
            throw .openToOthers(path: path, mode: status.st_mode & 0o7777)
        }
        var text = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &text, text.count)
        guard count >= 0 else { throw .system(path: path, call: "read", errno: errno) }
        guard count > 1, text[count - 1] == UInt8(ascii: "\n"),
            let secret = Base64URL.decode(text[..<(count - 1)]), secret.count == secretByteCount
        else { throw .malformed(path: path) }
        return secret
    }

    /// Creates the file; one that another process created meanwhile stays.
    private static func create(_ path: String) throws(SigningKeyError) {
        let secret: [UInt8]
        let suffix: [UInt8]
        do throws(OpenSSLError) {
            secret = try SecureRandom.bytes(count: secretByteCount)
            suffix = Base64URL.encode(try SecureRandom.bytes(count: 9))
        } catch { throw .crypto(error) }
        let temporary = "\(path).\(String(decoding: suffix, as: UTF8.self))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(path: path, call: "open", errno: errno) }
        defer { unlink(temporary) }
        let text = Base64URL.encode(secret) + [UInt8(ascii: "\n")]
        let written = write(descriptor, text, text.count)
        let failure =
            written != text.count ? (written < 0 ? errno : ENOSPC) : fsync(descriptor) != 0 ? errno : 0
        close(descriptor)
        guard failure == 0 else { throw .system(path: path, call: "write", errno: failure) }
        guard link(temporary, path) == 0 || errno == EEXIST else {
            throw .system(path: path, call: "link", errno: errno)
        }
        try syncDirectory(of: path)
    }

    /// Makes the new directory entry survive a power failure.
    private static func syncDirectory(of path: String) throws(SigningKeyError) {
        let directory =
            path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path: path, call: "open", errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(path: path, call: "fsync", errno: errno) }
    }
}
