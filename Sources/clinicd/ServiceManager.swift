// What the daemon says to the manager of services that started it, and takes over from it, as systemd has both: sd_notify(3) and
// sd_listen_fds(3). Without a manager nothing of it happens.

internal import Glibc

/// The manager of services that started this process, such as systemd.
enum ServiceManager {
    /// Tells the manager a state, one assignment on each line; does nothing without a manager. An error is no reason to end.
    static func notify(_ state: String) {
        guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }) else { return }
        send(Array(state.utf8), to: Array(path.utf8))
    }

    /// Tells the manager that files are read again, and runs the body, after which the service is ready again.
    static func reloading(_ body: () async -> Void) async {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        notify("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)")
        await body()
        notify("READY=1")
    }

    /// Asks for another minute every twenty seconds, for as long as the body runs: a migration takes its time.
    static func extendingStart<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws -> Value {
        let extending = Task {
            while !Task.isCancelled {
                notify("EXTEND_TIMEOUT_USEC=60000000")
                try? await Task.sleep(for: .seconds(20))
            }
        }
        defer { extending.cancel() }
        return try await body()
    }

    /// How often the manager wants to hear that the service is alive; nil if it does not.
    static var watchdogInterval: Duration? {
        guard let text = getenv("WATCHDOG_USEC"), let time = Int64(String(cString: text)), time > 0,
            isMeant(by: "WATCHDOG_PID")
        else { return nil }
        return .microseconds(time)
    }

    /// Tells the manager twice in each interval that the service is alive, each time after the check has returned.
    static func watch(_ isAlive: @Sendable () async -> Void) async {
        guard let interval = watchdogInterval else { return }
        while !Task.isCancelled {
            await isAlive()
            notify("WATCHDOG=1")
            try? await Task.sleep(for: interval / 2)
        }
    }

    /// A socket that listens, which the manager has made.
    struct Socket {
        let descriptor: Int32
        /// Whether its name begins with `tls`.
        let isSecure: Bool
    }

    /// The sockets that the manager hands over, once; programs that this one starts do not inherit them.
    static func takeSockets() -> [Socket] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard getenv("LISTEN_PID") != nil, isMeant(by: "LISTEN_PID"), let text = getenv("LISTEN_FDS"),
            let count = Int32(String(cString: text)), (1...64).contains(count)
        else { return [] }
        let names = getenv("LISTEN_FDNAMES").map { String(cString: $0) } ?? ""
        let list = names.split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { index in
            // The first is number 3.
            let descriptor = 3 + index
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let name = list.indices.contains(Int(index)) ? list[Int(index)] : ""
            return Socket(descriptor: descriptor, isSecure: name.hasPrefix("tls"))
        }
    }

    /// Whether a variable names this process, or none; those of a parent are not meant.
    private static func isMeant(by variable: String) -> Bool {
        guard let text = getenv(variable) else { return true }
        return Int32(String(cString: text)) == getpid()
    }

    /// Sends one datagram to a Unix socket; a name that begins with @ is an abstract one.
    private static func send(_ message: [UInt8], to path: [UInt8]) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard let first = path.first, path.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return
        }
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path)
            if first == UInt8(ascii: "@") { target[0] = 0 }
        }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, message, message.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
