// Binds a Unix socket with three guarantees: the file is never accessible to users whom its mode shuts out, a file that a killed
// process left does not prevent a start, and the socket of a running process is not replaced.

public import Glibc

/// A bound socket that does not listen yet.
enum UnixSocket {
    /// Binds a new socket to a path. The caller owns the descriptor and the file.
    static func listening(
        at path: String, _ access: UnixSocketAccess = UnixSocketAccess()
    ) throws(ListenError) -> (descriptor: CInt, file: UnixSocketFile) {
        let address = Address.unix(path: path)
        let descriptor = try open(for: address)
        do throws(ListenError) {
            // The file is made with the mode of the unbound socket, less the umask, so nobody else can connect before it has
            // its group and its mode.
            guard fchmod(descriptor, 0o600) == 0 else { throw ListenError(address, errorNumber: errno) }
            try bind(descriptor, to: path)
            if let group = access.group, chown(path, uid_t.max, group) != 0 {
                let reason = "its group cannot be set: \(String(cString: strerror(errno)))"
                unlink(path)
                throw ListenError(address, reason: reason)
            }
            guard chmod(path, access.mode) == 0, let file = UnixSocketFile(at: path) else {
                throw ListenError(address, errorNumber: errno)
            }
            return (descriptor, file)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func open(for address: Address) throws(ListenError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw ListenError(address, errorNumber: errno) }
        return descriptor
    }

    private static func bind(_ descriptor: CInt, to path: String) throws(ListenError) {
        let address = Address.unix(path: path)
        var error = call(Glibc.bind, descriptor, path)
        if error == EADDRINUSE {
            try removeStaleFile(at: path)
            error = call(Glibc.bind, descriptor, path)
        }
        guard error == 0 else { throw ListenError(address, errorNumber: error) }
    }

    /// Removes a socket's file if no process listens on it any more: the kernel then refuses a connection.
    private static func removeStaleFile(at path: String) throws(ListenError) {
        let address = Address.unix(path: path)
        var status = stat()
        if lstat(path, &status) != 0 { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ListenError(address, reason: "a file that is not a socket is in the way")
        }
        let probe = try open(for: address)
        defer { close(probe) }
        switch call(Glibc.connect, probe, path) {
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw ListenError(address, reason: "a stale socket is there and cannot be removed")
            }
        case ENOENT: return
        default: throw ListenError(address, errorNumber: EADDRINUSE)
        }
    }

    /// Calls `bind` or `connect` with a path; the error number, or 0.
    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt, _ descriptor: CInt, _ path: String
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let isCopied = withUnsafeMutableBytes(of: &address.sun_path) { space in
            // One byte stays 0 and ends the path.
            guard bytes.count < space.count else { return false }
            space.copyBytes(from: bytes)
            return true
        }
        guard isCopied else { return ENAMETOOLONG }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? 0 : errno
    }
}

/// Who may open the file of a Unix socket.
public struct UnixSocketAccess: Sendable {
    /// The mode of the file (default 0660).
    public var mode: mode_t
    /// The group of the file; nil (the default) is that of the process.
    public var group: gid_t?

    /// Access for the owner and a group.
    public init(mode: mode_t = 0o660, group: gid_t? = nil) {
        self.mode = mode
        self.group = group
    }
}

/// The file of a Unix socket that this process created.
struct UnixSocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    init?(at path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, unless another process has replaced it.
    func remove() {
        guard let current = UnixSocketFile(at: path), current.device == device, current.inode == inode else {
            return
        }
        unlink(path)
    }
}
