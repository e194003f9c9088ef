// Computes bcrypt in a process of its own. Threads of this process would share the processor with its event loops and,
// where the kernel groups processes by session (autogroup), as one group with the rest of it take half of a processor from
// PostgreSQL whatever their niceness. A process with a session of its own is a group of its own, and the niceness of that
// group counts: beside processes that want all of a processor it gets a tenth. With the lowest priority it would get a
// hundredth, and a login on a busy machine would take longer than its caller waits.
//
// Each thread of the pool has one such process, started at its first password. It is asked by a pipe and answers by another.
// If it dies, the thread computes by itself and starts another for the next password.

internal import CCrypt
internal import Glibc

/// The process of one thread of the pool; confined to that thread.
final class PasswordProcess {
    /// How a process is started: the path of a program, and its arguments behind its name.
    struct Command: Sendable {
        let path: String
        let arguments: [String]
    }

    /// What a process answers.
    enum Answer {
        /// The hash; nil if libxcrypt rejects the setting.
        case computed([UInt8]?)
        /// The process has died.
        case none
    }

    private struct Running {
        let process: pid_t
        let input: Int32
        let output: Int32
    }

    private let command: Command
    private var running: Running?

    init(_ command: Command) {
        self.command = command
    }

    deinit { end() }

    /// Has bcrypt run once with a password, of at most 72 bytes without a NUL, and a setting.
    func crypt(_ password: UnsafeBufferPointer<UInt8>, _ setting: [UInt8]) -> Answer {
        if running == nil { running = start() }
        guard let running, let passwordCount = UInt8(exactly: password.count),
            let settingCount = UInt8(exactly: setting.count)
        else { return .none }
        var question = [passwordCount, settingCount]
        question.reserveCapacity(2 + password.count + setting.count)
        question += password
        question += setting
        defer { erase(&question) }
        guard Pipe.write(question, to: running.input), let count = Pipe.read(1, from: running.output)?.first,
            let hash = Pipe.read(Int(count), from: running.output)
        else {
            end()
            return .none
        }
        return .computed(hash.isEmpty ? nil : hash)
    }

    private func start() -> Running? {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard pipe2(&input, O_CLOEXEC) == 0 else { return nil }
        guard pipe2(&output, O_CLOEXEC) == 0 else {
            for descriptor in input { close(descriptor) }
            return nil
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var process = pid_t()
        var arguments = (["clinicd"] + command.arguments).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let status = posix_spawn(&process, command.path, &actions, nil, &arguments, &environment)
        for argument in arguments { free(argument) }
        close(input[0])
        close(output[1])
        guard status == 0 else {
            close(input[1])
            close(output[0])
            return nil
        }
        return Running(process: process, input: input[1], output: output[0])
    }

    /// It ends by itself when its input does.
    private func end() {
        guard let running else { return }
        self.running = nil
        close(running.input)
        close(running.output)
        var status: Int32 = 0
        while waitpid(running.process, &status, 0) == -1 && errno == EINTR {}
    }
}

extension BcryptPool {
    /// What the process of a pool does: answers on standard output what is asked on standard input, until that ends. Signals
    /// that end the program that started it are left to that.
    public static func servePasswordProcess() {
        let niceness = 10
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
        setsid()
        // The niceness of the session's group, and that within a group where sessions have none.
        if let file = fopen("/proc/self/autogroup", "w") {
            fputs("\(niceness)", file)
            fclose(file)
        }
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Int32(niceness))
        while let counts = Pipe.read(2, from: 0), var password = Pipe.read(Int(counts[0]), from: 0),
            let setting = Pipe.read(Int(counts[1]), from: 0)
        {
            let hash = Bcrypt.crypt(password, setting) ?? []
            erase(&password)
            guard Pipe.write([UInt8(clamping: hash.count)] + hash, to: 1) else { return }
        }
    }
}

/// Reads and writes a pipe to the last byte.
private enum Pipe {
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: $0[done...]).baseAddress, bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// So many bytes; nil at the end.
    static func read(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(
                    descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[done...]).baseAddress, count - done
                )
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }
}
