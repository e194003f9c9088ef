// The session file: readable by its owner only, replaced atomically so that no command reads a partial file.

internal import FoundationEssentials
internal import Glibc

/// The location of the stored session.
struct SessionFile {
    let path: String

    /// CLINIC_SESSION_FILE, or a file for each profile in the XDG state directory; nil if HOME is not set.
    static func find(_ console: Console) -> SessionFile? {
        if let path = console.variable("CLINIC_SESSION_FILE") { return SessionFile(path: path) }
        return baseDirectory("XDG_STATE_HOME", ".local/state", console).map { directory in
            let name = console.profileName.map { "session-\($0)" } ?? "session"
            return SessionFile(path: directory + "/clinic/\(name).json")
        }
    }

    /// The stored session, or nil if there is none.
    func read() throws(CommandFailure) -> StoredSession? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot be read")
        }
        defer { close(descriptor) }
        // No session comes near this size.
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw failure("cannot be read") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let session = try? decoder.decode(StoredSession.self, from: Data(bytes[..<count])) else {
            throw CommandFailure(
                "the session file \(path) is damaged; run `clinic login` to replace it")
        }
        return session
    }

    /// Replaces the stored session.
    func write(_ session: StoredSession) throws(CommandFailure) {
        try makeDirectory()
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(session) else { throw failure("cannot be written") }
        let temporaryPath = "\(path).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be written") }
        let isWritten = bytes.withUnsafeBytes { bytes in
            fchmod(descriptor, 0o600) == 0
                && Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
                && fsync(descriptor) == 0
        }
        close(descriptor)
        guard isWritten, rename(temporaryPath, path) == 0 else {
            let reason = failure("cannot be written")
            unlink(temporaryPath)
            throw reason
        }
    }

    /// Runs the body while holding an exclusive lock on the file; throws if the lock is not available in time.
    /// `isCurrent` tells whether the locked file is still the one at the path.
    func withLock<Output>(
        within timeout: Duration, _ body: (_ isCurrent: () -> Bool) async throws -> Output
    ) async throws -> Output {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while true {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            // Without a file there is no session to lock.
            guard descriptor >= 0 else { return try await body { true } }
            // Closing releases the lock.
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Another command may have replaced the file before the lock.
                if isAtPath(descriptor) { return try await body { isAtPath(descriptor) } }
            } else {
                guard ContinuousClock.now < deadline else {
                    throw CommandFailure(
                        "another command has locked the session file \(path); try again", .unavailable)
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Whether the path still refers to an open file.
    private func isAtPath(_ descriptor: CInt) -> Bool {
        var (opened, found) = (Glibc.stat(), Glibc.stat())
        return fstat(descriptor, &opened) == 0 && stat(path, &found) == 0
            && opened.st_ino == found.st_ino && opened.st_dev == found.st_dev
    }

    /// Removes the session; false if there was none.
    func remove() throws(CommandFailure) -> Bool {
        if unlink(path) == 0 { return true }
        if errno == ENOENT || errno == ENOTDIR { return false }
        throw failure("cannot be removed")
    }

    /// Creates the directory and its parents, accessible to the owner only.
    private func makeDirectory() throws(CommandFailure) {
        guard let end = path.lastIndex(of: "/") else { return }
        var directory = ""
        for name in path[..<end].split(separator: "/") {
            directory += directory.isEmpty && !path.hasPrefix("/") ? String(name) : "/" + name
            if mkdir(directory, 0o700) != 0, errno != EEXIST, errno != EISDIR, errno != EROFS, errno != EACCES
            {
                throw failure("cannot be written")
            }
        }
    }

    private func failure(_ what: String) -> CommandFailure {
        CommandFailure("the session file \(path) \(what): \(String(cString: strerror(errno)))")
    }
}
