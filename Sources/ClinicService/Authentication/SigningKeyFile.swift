// The files of signing keys. Anyone who can read one can sign in as any user.
//
// The file in the data directory is made by the first start with mode 0600 and is refused when others may access it. It is
// written to a temporary file, synced, and linked to its name: after a crash there is no key or a complete one, and when two
// servers start at once, one creates the key and the other reads it.
//
// A file that an option names is somebody else's, such as the mount of a Kubernetes secret: it may be a symbolic link, and the
// group of the service may read it.

internal import Glibc
internal import OpenSSL

extension SigningKeys {
    /// The most bytes that a file may have.
    private static let maximumFileByteCount = 4_096

    /// Reads the key file at a path, and creates it with mode 0600 if there is none; its directory must exist.
    public static func loadOrCreate(at path: String) throws(SigningKeyError) -> SigningKeys {
        if let text = try read(path, isMount: false) { return try parse(text, ofDataDirectory: path) }
        try create(path)
        guard let text = try read(path, isMount: false) else {
            throw .system(path: path, call: "open", errno: ENOENT)
        }
        return try parse(text, ofDataDirectory: path)
    }

    /// Reads the keys of a file that an operator made: one on each line, 32 bytes in base64 or base64url, the first signs.
    /// Empty lines and lines that begin with # are skipped.
    public static func load(from path: String) throws(SigningKeyError) -> SigningKeys {
        guard let text = try read(path, isMount: true) else {
            throw .badFile(
                path: path, reason: "there is no such file; make one with `openssl rand -base64 32`")
        }
        var found: [SigningKey] = []
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let line = line.filter { $0 != UInt8(ascii: "\r") }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let secret = secret(of: line) else {
                throw .badFile(
                    path: path,
                    reason: "line \(index + 1) is not a key of 32 bytes in base64; "
                        + "make one with `openssl rand -base64 32`")
            }
            let key = try SigningKey(secret: secret)
            if let twin = found.firstIndex(where: { $0.id == key.id }) {
                throw .badFile(
                    path: path, reason: "line \(index + 1) repeats key \(twin + 1)")
            }
            found.append(key)
        }
        guard let first = found.first else {
            throw .badFile(
                path: path, reason: "holds no key; make one with `openssl rand -base64 32`")
        }
        guard found.count <= limit else {
            throw .badFile(path: path, reason: "holds \(found.count) keys; at most \(limit) are used")
        }
        return SigningKeys(first, others: Array(found.dropFirst()))
    }

    /// The secret of a line in either alphabet, with or without padding.
    private static func secret(of line: [UInt8]) -> [UInt8]? {
        var text = line
        while text.count > 43, text.last == UInt8(ascii: "=") { text.removeLast() }
        text = text.map {
            $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
        }
        guard let secret = Base64URL.decode(text), secret.count == SigningKey.secretByteCount else {
            return nil
        }
        return secret
    }

    /// One key on one whole line, as `create` writes it.
    private static func parse(
        _ text: [UInt8], ofDataDirectory path: String
    ) throws(SigningKeyError) -> SigningKeys {
        guard text.last == UInt8(ascii: "\n"), let secret = Base64URL.decode(text.dropLast()),
            secret.count == SigningKey.secretByteCount
        else { throw .malformed(path: path) }
        return try SigningKeys(secret: secret)
    }

    /// The content of the file; nil when there is no file.
    private static func read(_ path: String, isMount: Bool) throws(SigningKeyError) -> [UInt8]? {
        // Without waiting for the writer of a named pipe.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (isMount ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(path: path, call: "open", errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(path: path, call: "fstat", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .malformed(path: path) }
        guard status.st_uid == geteuid() || status.st_uid == 0 else { throw .ownedByAnother(path: path) }
        guard status.st_mode & (isMount ? 0o037 : 0o077) == 0 else {
            throw .openToOthers(path: path, mode: status.st_mode & 0o7777)
        }
        var text = [UInt8](repeating: 0, count: maximumFileByteCount + 1)
        let count = Glibc.read(descriptor, &text, text.count)
        guard count >= 0 else { throw .system(path: path, call: "read", errno: errno) }
        guard count <= maximumFileByteCount else {
            guard isMount else { throw .malformed(path: path) }
            throw .badFile(path: path, reason: "has more than \(maximumFileByteCount) bytes")
        }
        return Array(text[..<count])
    }

    /// Creates the file; one that another process created meanwhile stays.
    private static func create(_ path: String) throws(SigningKeyError) {
        let secret: [UInt8]
        let suffix: [UInt8]
        do throws(OpenSSLError) {
            secret = try SecureRandom.bytes(count: SigningKey.secretByteCount)
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
