// What signals do to the daemon. Only SIGTERM, SIGINT and SIGQUIT end it, and these drain it first; a signal that the
// system would end it for otherwise, without a word to its callers, is ignored.

internal import Glibc
internal import UnixSignals

/// Signals of a process that serves.
enum DaemonSignals {
    /// Those after which calls in flight end within the drain time.
    static let ending: [UnixSignal] = [.sigterm, .sigint, .sigquit]

    /// Ignores all others that would end the process, but for those that report a fault of its own or cannot be ignored.
    static func ignoreOthers() {
        var others = [SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ]
        // SIGSTKFLT is 16 on Linux, and has no name in Swift.
        others.append(16)
        // The first real-time signals belong to the C library.
        others += __libc_current_sigrtmin()...__libc_current_sigrtmax()
        for number in others { signal(number, SIG_IGN) }
    }

    /// Reads files again at each SIGHUP until the returned task is cancelled.
    static func onHangUp(_ reload: @escaping @Sendable () async -> Void) async -> Task<Void, Never> {
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        return Task {
            for await _ in hangUps { await reload() }
        }
    }
}
