// The server process and the thread that supervises it: it starts the server, waits for its end, and restarts it after an
// unexpected one. One thread does all three, because the kernel ends the server with the thread that started it; so a killed
// daemon takes its PostgreSQL along.

internal import CPostgreSQL
internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

final class Postmaster: Sendable {
    private struct State {
        var process: pid_t?
        var isStopping = false
        var hasEnded = false
        var starters: [UnsafeContinuation<PrivateClusterError?, Never>] = []
        var stoppers: [UnsafeContinuation<Void, Never>] = []
    }

    private let directory: ClusterDirectory
    private let programs: ServerPrograms
    private let socketDirectory: String
    private let url: String
    private let settings: [String: String]
    private let logger: Logger
    private let state = Mutex(State())

    /// How long it may give no sign of itself.
    private static let startLimit = Duration.seconds(120)
    private static let timeBetweenLines = Duration.seconds(10)
    /// How often the size of the log is looked at.
    private static let logInterval = DispatchTimeInterval.seconds(10)

    init(
        directory: ClusterDirectory, programs: ServerPrograms, socketDirectory: String, url: String,
        settings: [String: String], logger: Logger
    ) {
        self.directory = directory
        self.programs = programs
        self.socketDirectory = socketDirectory
        self.url = url
        self.settings = settings
        self.logger = logger
    }

    /// The server's process, while there is one.
    var process: pid_t? { state.withLock { $0.process } }

    /// Starts the server and returns once it accepts connections.
    func start() async throws(PrivateClusterError) {
        let error = await withUnsafeContinuation { continuation in
            state.withLock { $0.starters.append(continuation) }
            Thread.start { [self] in run() }
        }
        if let error { throw error }
        limitLogLater()
    }

    /// Keeps the log small for as long as the server runs.
    private func limitLogLater() {
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.logInterval) { [weak self] in
            guard let self, !self.isStopping else { return }
            self.directory.limitLog()
            self.limitLogLater()
        }
    }

    /// Asks the server to end sessions, write a checkpoint and stop; returns once it has.
    func stop() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let hasEnded = state.withLock { state in
                state.isStopping = true
                if !state.hasEnded {
                    state.stoppers.append(continuation)
                    if let process = state.process { kill(process, SIGINT) }
                }
                return state.hasEnded
            }
            if hasEnded {
                continuation.resume()
            } else {
                urge(SIGQUIT, after: .seconds(30))
                urge(SIGKILL, after: .seconds(40))
            }
        }
    }

    /// Sends stronger signals while the server does not stop; the next start recovers its data.
    private func urge(_ signal: Int32, after pause: DispatchTimeInterval) {
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [weak self] in
            self?.state.withLock { state in
                if let process = state.process { kill(process, signal) }
            }
        }
    }

    // MARK: - The thread

    private func run() {
        var pause = Duration.milliseconds(100)
        var isFirst = true
        // Sessions of a killed server need a moment to end; until then the next server refuses to start.
        var patience = ContinuousClock.now + .seconds(15)
        while !isStopping {
            let offset = directory.logSize
            let (wasReady, reason) = runServer()
            if isStopping { break }
            if wasReady {
                isFirst = false
                pause = .milliseconds(100)
                patience = .now + .seconds(15)
                logger.error(
                    "PostgreSQL ended unexpectedly and is started again", metadata: ["reason": "\(reason)"])
            } else if isFirst,
                ContinuousClock.now > patience || !directory.logSays("shared memory", from: offset)
            {
                let words = directory.lastComplaint(from: offset) ?? reason
                end(
                    PrivateClusterError(
                        .program, "PostgreSQL does not start: \(words) (see \(directory.log))"))
                return
            } else {
                logger.warning("PostgreSQL does not start yet", metadata: ["reason": "\(reason)"])
            }
            sleep(pause)
            pause = min(pause * 2, .seconds(2))
        }
        end(PrivateClusterError(.program, "PostgreSQL was stopped while it started"))
    }

    /// The program with the settings that override postgresql.conf.
    private var command: [String] {
        var settings = settings
        settings.merge(
            [
                "listen_addresses": "",
                "port": "\(PrivateCluster.port)",
                "unix_socket_directories": "\"\(socketDirectory)\"",
                "unix_socket_permissions": "0700",
                "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
                "logging_collector": "off", "log_destination": "stderr",
            ]) { _, ours in ours }
        return [programs.postgres, "-D", directory.data]
            + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// Runs the server once; returns whether it accepted connections, and how it ended.
    private func runServer() -> (wasReady: Bool, reason: String) {
        let process: pid_t
        do throws(PrivateClusterError) {
            let log = try directory.openLog()
            defer { close(log) }
            process = try directory.child.start(command, output: log, deathSignal: .interrupt)
        } catch {
            return (false, error.description)
        }
        let mayRun = state.withLock { state in
            state.process = process
            return !state.isStopping
        }
        if !mayRun { kill(process, SIGINT) }

        var isReady = false
        var limit = ContinuousClock.now + Self.startLimit
        var nextLine = ContinuousClock.now + Self.timeBetweenLines
        var ended: Int32?
        while !isReady {
            ended = ChildProcess.wait(process, blocking: false)
            if ended != nil { break }
            let answer = PQping(url)
            if answer == PQPING_OK {
                isReady = true
                let starters = state.withLock { state in
                    defer { state.starters.removeAll() }
                    return state.starters
                }
                for starter in starters { starter.resume(returning: nil) }
            } else {
                // It recovers, for as long as that takes: the next start would have to do so too.
                if answer == PQPING_REJECT {
                    limit = .now + Self.startLimit
                    if .now >= nextLine {
                        logger.notice("waiting for PostgreSQL, which recovers")
                        nextLine = .now + Self.timeBetweenLines
                    }
                }
                if .now > limit { kill(process, SIGQUIT) }
                usleep(10_000)
            }
        }
        let status = ended ?? waitForEnd(process)
        state.withLock { $0.process = nil }
        return (isReady, status > 128 ? "signal \(status - 128)" : "exit status \(status)")
    }

    /// Waits until the server ends, and reaps it.
    private func waitForEnd(_ process: pid_t) -> Int32 {
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        // The process number is not reused before this call, so a `stop` meanwhile cannot hit another process.
        return state.withLock { state in
            state.process = nil
            return ChildProcess.wait(process) ?? -1
        }
    }

    private func end(_ error: PrivateClusterError) {
        let (starters, stoppers) = state.withLock { state in
            state.hasEnded = true
            defer {
                state.starters.removeAll()
                state.stoppers.removeAll()
            }
            return (state.starters, state.stoppers)
        }
        for starter in starters { starter.resume(returning: error) }
        for stopper in stoppers { stopper.resume() }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func sleep(_ pause: Duration) {
        let end = ContinuousClock.now + pause
        while !isStopping, ContinuousClock.now < end { usleep(10_000) }
    }
}
