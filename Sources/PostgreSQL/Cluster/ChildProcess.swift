// Starts programs with posix_spawn: no shell, no inherited descriptors, default signal handling, and a session of its own,
// so that Ctrl-C at the terminal reaches only the daemon, which then stops PostgreSQL itself.

internal import CPostgreSQL
internal import Glibc
internal import Synchronization

/// How to start the programs of PostgreSQL: the user and the environment.
struct ChildProcess: Sendable {
    /// The user to become, when this process is root; PostgreSQL refuses to run as root.
    let user: SystemUser?

    private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"]
    private static let switcher = "/usr/bin/setpriv"

    /// Starts a program and returns its process identifier.
    ///
    /// The kernel sends it `deathSignal`, if there is one, when the *thread* that started it ends; so that thread must
    /// live as long.
    func start(
        _ arguments: [String], output: Int32, deathSignal: DeathSignal? = nil
    ) throws(PrivateClusterError) -> pid_t {
        var command = [Self.switcher]
        if let user { command += ["--reuid=\(user.user)", "--regid=\(user.group)", "--init-groups"] }
        if let deathSignal { command += ["--pdeathsig=\(deathSignal.rawValue)"] }
        command += ["--"] + arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        posix_spawn_file_actions_addchdir_np(&actions, "/")
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | clinic_posix_spawn_setsid)

        var process = pid_t()
        let status = Self.withArray(command) { arguments in
            Self.withArray(Self.environment) { environment in
                posix_spawn(&process, command[0], &actions, &attributes, arguments, environment)
            }
        }
        guard status == 0 else {
            throw PrivateClusterError(
                .program, "\(command[0]) cannot be started: \(String(cString: strerror(status)))")
        }
        return process
    }

    /// Runs a program to its end; returns its exit status (128 + signal if one ended it) and what it printed.
    ///
    /// It ends early if this process ends or the interruption is used.
    func run(
        _ arguments: [String], interruption: Interruption? = nil
    ) throws(PrivateClusterError) -> (status: Int32, output: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw PrivateClusterError(.program, "no file descriptor is left") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let process: pid_t
        do throws(PrivateClusterError) {
            process = try start(arguments, output: ends[1], deathSignal: .terminate)
            close(ends[1])
        } catch {
            close(ends[1])
            throw error
        }
        interruption?.applies(to: process)
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(ends[0], &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            output += chunk[..<count]
        }
        interruption?.applies(to: nil)
        return (Self.wait(process) ?? -1, String(decoding: output, as: UTF8.self))
    }

    /// Waits for the end of a child; without blocking, nil means that it still runs.
    static func wait(_ process: pid_t, blocking: Bool = true) -> Int32? {
        var status: Int32 = 0
        while true {
            let result = waitpid(process, &status, blocking ? 0 : WNOHANG)
            if result == process { break }
            if result == 0 { return nil }
            if errno != EINTR { return -1 }
        }
        // The macros of <sys/wait.h>: the low seven bits are the signal, the next eight the exit status.
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    private static func withArray<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return body(copies)
    }
}

/// The signals a program can be sent at the end of this process, by the names setpriv knows.
enum DeathSignal: String {
    /// PostgreSQL's own “fast shutdown”.
    case interrupt = "INT"
    case terminate = "TERM"
}

/// Lets another thread end the program that a thread waits for.
final class Interruption: Sendable {
    private struct State {
        var process: pid_t?
        var isAskedFor = false
    }

    private let state = Mutex(State())

    /// Ends the program that runs, and every program started from now on. By SIGTERM, because initdb sometimes ignores
    /// SIGINT.
    func ask() {
        state.withLock { state in
            state.isAskedFor = true
            if let process = state.process { kill(process, SIGTERM) }
        }
    }

    /// Notes the program that is waited for; nil before it is reaped, when its process number becomes free.
    func applies(to process: pid_t?) {
        state.withLock { state in
            state.process = process
            if let process, state.isAskedFor { kill(process, SIGTERM) }
        }
    }
}

/// An entry of the password file.
struct SystemUser: Sendable, Equatable {
    let name: String
    let user: uid_t
    let group: gid_t

    init?(named name: String) {
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 16_384)
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        self.init(entry)
    }

    /// The owner of a file; nil if there is none or it has no name.
    init?(owning path: String) {
        var status = stat()
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 16_384)
        var found: UnsafeMutablePointer<passwd>?
        guard lstat(path, &status) == 0,
            getpwuid_r(status.st_uid, &entry, &buffer, buffer.count, &found) == 0, found != nil
        else { return nil }
        self.init(entry)
    }

    private init(_ entry: passwd) {
        name = String(cString: entry.pw_name)
        user = entry.pw_uid
        group = entry.pw_gid
    }
}
