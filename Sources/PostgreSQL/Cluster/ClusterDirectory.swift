// The files of the private cluster:
//
//   DIR/postgresql.lock     held by the daemon that uses DIR, with its process identifier
//   DIR/postgresql.log      what the server prints; postgresql.log.old what it printed before that
//   DIR/postgresql/data     the cluster, DIR/postgresql/socket the directory of its socket
//
// DIR belongs to the user of the daemon, and DIR/postgresql to the user of PostgreSQL, which can be another.

internal import Glibc

struct ClusterDirectory: Sendable {
    let root: String
    let child: ChildProcess

    var owned: String { root + "/postgresql" }
    var data: String { owned + "/data" }
    var log: String { root + "/postgresql.log" }
    private var lockFile: String { root + "/postgresql.lock" }

    /// Refers to the directory by its absolute path; creates nothing yet.
    init(_ path: String, user: SystemUser?) throws(PrivateClusterError) {
        guard !path.isEmpty, !path.utf8.contains(0), !path.utf8.contains(10) else {
            throw PrivateClusterError(.directory, "the data directory has no usable name")
        }
        var path = path
        if !path.hasPrefix("/") {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            guard getcwd(&buffer, buffer.count) != nil else {
                throw PrivateClusterError(.directory, "the working directory is gone")
            }
            path =
                String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "/"
                + path
        }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        root = path
        child = ChildProcess(user: user)
    }

    // MARK: - Directories

    /// The unprivileged user who owns the cluster in a directory; nil if there is none, or root owns it.
    static func owner(in path: String) -> SystemUser? {
        SystemUser(owning: path + "/postgresql").flatMap { $0.user == 0 ? nil : $0 }
    }

    /// Makes missing directories and checks that PostgreSQL's user can reach its own.
    func prepare() throws(PrivateClusterError) {
        try Self.makeParents(of: root)
        try Self.make(root, mode: child.user == nil ? 0o700 : 0o711)
        try Self.make(owned, mode: 0o700)
        // Also if it existed before: authentication relies on this mode.
        guard chmod(owned, 0o700) == 0 else { throw Self.failure("made private", owned) }
        guard let user = child.user else { return }
        // PostgreSQL's user has to traverse DIR; the files in it keep their modes.
        var status = stat()
        if stat(root, &status) == 0, status.st_mode & 0o001 == 0 {
            chmod(root, status.st_mode & 0o7777 | 0o011)
        }
        if SystemUser(owning: owned) != user, lchown(owned, user.user, user.group) != 0 {
            throw Self.failure("given to \(user.name)", owned)
        }
        guard try child.run(["/usr/bin/test", "-w", owned]).status == 0 else {
            throw PrivateClusterError(
                .directory,
                "the user \(user.name) cannot reach \(owned): a directory above it lacks the permission (chmod o+x)"
            )
        }
    }

    private static func makeParents(of path: String) throws(PrivateClusterError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let parent = String(path[..<slash])
        if access(parent, F_OK) == 0 { return }
        try makeParents(of: parent)
        try make(parent, mode: 0o755)
    }

    private static func make(_ path: String, mode: mode_t) throws(PrivateClusterError) {
        if mkdir(path, mode) == 0 {
            // mkdir applies the umask, and a strict one would lock PostgreSQL's user out.
            chmod(path, mode)
            return
        }
        var status = stat()
        guard errno == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw failure("made", path)
        }
    }

    /// The directory of the socket: private, short enough for sockaddr_un (108 bytes with the final NUL), and without the
    /// characters that separate and quote names in libpq's and the server's lists of hosts and directories.
    func makeSocketDirectory() throws(PrivateClusterError) -> String {
        let longest = 107 - "/.s.PGSQL.5432".utf8.count
        var path = owned + "/socket"
        if path.utf8.count > longest || path.contains(where: { ",\"".contains($0) }) {
            let name = "/clinic-\(getuid())-\(Self.fingerprint(of: root))"
            let places = [
                getuid() == 0 ? "/run" : nil, getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }, "/tmp",
            ]
            path = (places.compactMap { $0 }.first { access($0, W_OK) == 0 } ?? "/tmp") + name
        }
        let owner = child.user?.user ?? getuid()
        if mkdir(path, 0o700) == 0 {
            if let user = child.user, lchown(path, user.user, user.group) != 0 {
                throw Self.failure("given to \(user.name)", path)
            }
        }
        // In a shared directory another user may have made it before.
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == owner,
            status.st_mode & 0o077 == 0
        else {
            throw PrivateClusterError(.directory, "\(path) exists and is not a private directory of ours")
        }
        return path
    }

    /// FNV-1a: a short name that is always the same for a directory.
    private static func fingerprint(of text: String) -> String {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    static func failure(_ what: String, _ path: String) -> PrivateClusterError {
        PrivateClusterError(.directory, "\(path) cannot be \(what): \(String(cString: strerror(errno)))")
    }

    // MARK: - The lock

    /// Makes this process the only user of the directory, until `unlock` or its own end.
    func lock() throws(PrivateClusterError) -> Int32 {
        let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("opened", lockFile) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.read(lockFile).flatMap { Int($0.prefix(while: \.isNumber)) }
            close(descriptor)
            throw PrivateClusterError(
                .inUse, "another clinicd uses \(root)" + (holder.map { " (process \($0))" } ?? ""))
        }
        giveToOwner(descriptor)
        let text = "\(getpid())\n"
        ftruncate(descriptor, 0)
        pwrite(descriptor, text, text.utf8.count, 0)
        return descriptor
    }

    /// Releases the directory. Closing the descriptor is not enough: a child process has a copy of it between fork and
    /// exec.
    static func unlock(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    // MARK: - Files

    /// The major version of the cluster in this directory; nil if there is none.
    func version() throws(PrivateClusterError) -> Int? {
        guard access(data, F_OK) == 0 else { return nil }
        let text = Self.read(data + "/PG_VERSION") ?? ""
        guard let version = Int(text.prefix(while: \.isNumber)) else {
            throw PrivateClusterError(.directory, "\(data) exists and is not a PostgreSQL cluster")
        }
        return version
    }

    /// Opens the server's log.
    func openLog() throws(PrivateClusterError) -> Int32 {
        limitLog()
        let descriptor = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("opened", log) }
        giveToOwner(descriptor)
        return descriptor
    }

    /// Moves what a large log has to a second file. The server may go on writing: its descriptor stays that of the log, to
    /// whose end it appends; a line that it writes between the last copy and the cut is lost.
    func limitLog(to limit: Int = 16 << 20) {
        guard logSize > limit else { return }
        let source = open(log, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else { return }
        defer { close(source) }
        unlink(log + ".old")
        let target = open(log + ".old", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard target >= 0 else { return }
        defer { close(target) }
        giveToOwner(target)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        // The server may write as fast as this copies. Without a copy, as on a full disk, the log is cut all the same.
        for _ in 0..<64 {
            let count = Glibc.read(source, &chunk, chunk.count)
            guard count > 0, write(target, chunk, count) == count else { break }
        }
        ftruncate(source, 0)
    }

    /// Gives a file that root has made to the directory's owner: root may run a command on another user's data
    /// directory.
    private func giveToOwner(_ descriptor: Int32) {
        var status = stat()
        if geteuid() == 0, stat(root, &status) == 0 { fchown(descriptor, status.st_uid, status.st_gid) }
    }

    /// The size of the log, to find later what is new in it.
    var logSize: Int {
        var status = stat()
        return lstat(log, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The last error in the log, without its time.
    func lastComplaint(from offset: Int) -> String? {
        let lines = Self.read(log, from: offset)?.split(whereSeparator: \.isNewline) ?? []
        let line = lines.last { $0.contains("FATAL:") || $0.contains("PANIC:") } ?? lines.last
        guard let line else { return nil }
        let words = line.split(separator: " ")
        let start = words.firstIndex { $0 == "FATAL:" || $0 == "PANIC:" } ?? 0
        return words[start...].joined(separator: " ")
    }

    /// Whether the log mentions something since the offset.
    func logSays(_ text: String, from offset: Int) -> Bool {
        Self.read(log, from: offset)?.contains(text) == true
    }

    /// Reads a small file; nil if that fails.
    static func read(_ path: String, from offset: Int = 0) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = pread(descriptor, &bytes, bytes.count, off_t(offset))
        guard count >= 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
