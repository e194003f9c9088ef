// The file of the session: readable by its owner only, replaced in one step so that no command reads half of it.

internal import FoundationEssentials
internal import Glibc

/// Where the session is kept.
struct SessionFile {
    let path: String

    /// CLINIC_SESSION_FILE, or session.json where programs keep their state; nil without a home.
    static func find(_ console: Console) -> SessionFile? {
        if let path = console.variable("CLINIC_SESSION_FILE") { return SessionFile(path: path) }
        return baseDirectory("XDG_STATE_HOME", ".local/state", console).map { directory in
            SessionFile(path: directory + "/clinic/session.json")
        }
    }

    /// The session, or nil if nobody is signed in.
    func read() throws(CommandFailure) -> Session? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot be read")
        }
        defer { close(descriptor) }
        // No session is near this size.
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw failure("cannot be read") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let session = try? decoder.decode(Session.self, from: Data(bytes[..<count])) else {
            throw CommandFailure(
                "the session file \(path) is damaged; run `clinic login` to replace it")
        }
        return session
    }

    /// Keeps the session instead of the one before.
    func write(_ session: Session) throws(CommandFailure) {
        try makeDirectory()
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(session) else { throw failure("cannot be written") }
        let draft = "\(path).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be written") }
        let isWritten = bytes.withUnsafeBytes { bytes in
            fchmod(descriptor, 0o600) == 0
                && Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
                && fsync(descriptor) == 0
        }
        close(descriptor)
        guard isWritten, rename(draft, path) == 0 else {
            let reason = failure("cannot be written")
            unlink(draft)
            throw reason
        }
    }

    /// Runs the body while no other command does so with this file, which is told whether the file still is the one
    /// that was locked. A lock that nobody gives back in time is reported.
    func locked<Answer>(
        within timeout: Duration, _ body: (_ isCurrent: () -> Bool) async throws -> Answer
    ) async throws -> Answer {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while true {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            // Without a file there is nothing to lock.
            guard descriptor >= 0 else { return try await body { true } }
            // Closing gives the lock back.
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // The file may have been replaced between the two calls.
                if isSame(descriptor) { return try await body { isSame(descriptor) } }
            } else {
                guard ContinuousClock.now < deadline else {
                    throw CommandFailure(
                        "another command holds the session file \(path); try again", .unavailable)
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Whether the path still leads to an open file.
    private func isSame(_ descriptor: CInt) -> Bool {
        var (opened, found) = (Glibc.stat(), Glibc.stat())
        return fstat(descriptor, &opened) == 0 && stat(path, &found) == 0
            && opened.st_ino == found.st_ino && opened.st_dev == found.st_dev
    }

    /// Forgets the session; false if there was none.
    func remove() throws(CommandFailure) -> Bool {
        if unlink(path) == 0 { return true }
        if errno == ENOENT || errno == ENOTDIR { return false }
        throw failure("cannot be removed")
    }

    /// Makes the directory and those above it, for the owner only.
    private func makeDirectory() throws(CommandFailure) {
        guard let end = path.lastIndex(of: "/") else { return }
        var made = ""
        for name in path[..<end].split(separator: "/") {
            made += made.isEmpty && !path.hasPrefix("/") ? String(name) : "/" + name
            if mkdir(made, 0o700) != 0, errno != EEXIST, errno != EISDIR, errno != EROFS, errno != EACCES {
                throw failure("cannot be written")
            }
        }
    }

    private func failure(_ what: String) -> CommandFailure {
        CommandFailure("the session file \(path) \(what): \(String(cString: strerror(errno)))")
    }
}
