// A blocking connection that lives as long as its owner: it holds session locks and does what has to be done every few seconds.
// It has a thread of its own and makes its connection again when that is lost.

internal import Glibc
public import Logging
internal import Synchronization

/// A connection that stays open until `close`.
public final class MaintenanceConnection: Sendable {
    /// A piece of work on the connection; it may block.
    public typealias Work = @Sendable (AdminConnection) throws -> Void

    private struct State {
        var isClosing = false
        var hasEnded = false
        /// The socket of the connection while there is one.
        var socket: Int32?
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private static let shortestPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(5)
    /// How long work that is under way may go on after `close`.
    private static let closingTime = Duration.seconds(2)

    private let url: String
    private let interval: Duration
    private let logger: Logger
    private let prepare: Work
    private let maintain: Work
    private let wakeup: Wakeup
    private let state = Mutex(State())

    /// Connects and prepares the connection; throws what keeps it from being made or prepared.
    ///
    /// - Parameters:
    ///   - interval: the time between two runs of `maintain`.
    ///   - prepare: runs first on each connection.
    ///   - maintain: runs on a prepared connection, at once and then again and again. When it throws, the connection is made
    ///     anew.
    public static func open(
        url: String, every interval: Duration, logger: Logger, prepare: @escaping Work,
        maintain: @escaping Work
    ) async throws -> MaintenanceConnection {
        let connection = try MaintenanceConnection(
            url: url, interval: interval, logger: logger, prepare: prepare, maintain: maintain)
        try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
            if !Thread.start({ connection.run(opened) }) {
                opened.resume(throwing: DatabaseError(.unavailable, "no thread could be started"))
            }
        }
        return connection
    }

    private init(
        url: String, interval: Duration, logger: Logger, prepare: @escaping Work, maintain: @escaping Work
    ) throws(DatabaseError) {
        self.url = url
        self.interval = interval
        self.logger = logger
        self.prepare = prepare
        self.maintain = maintain
        wakeup = try Wakeup()
    }

    /// Releases the session's locks and closes the connection. Work that is under way may end within two seconds.
    public func close() async {
        state.withLock { $0.isClosing = true }
        wakeup.signal()
        let limit = Task {
            try await Task.sleep(for: Self.closingTime)
            // Whoever waits for the server on it then finds that it is closed. The thread closes it after this lock.
            state.withLock { if let socket = $0.socket { shutdown(socket, Int32(SHUT_RDWR)) } }
        }
        await withCheckedContinuation { closer in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.closers.append(closer) }
                return state.hasEnded
            }
            if hasEnded { closer.resume() }
        }
        limit.cancel()
    }

    // MARK: - The thread

    private var isClosing: Bool { state.withLock { $0.isClosing } }

    private func run(_ opened: CheckedContinuation<Void, any Error>) {
        var opened: CheckedContinuation<Void, any Error>? = opened
        var pause = Self.shortestPause
        while !isClosing {
            do {
                let connection = try AdminConnection.connect(url: url)
                state.withLock { $0.socket = connection.socket }
                // Forgotten before the connection is closed and its number is another socket's.
                defer { withExtendedLifetime(connection) { state.withLock { $0.socket = nil } } }
                try prepare(connection)
                opened?.resume()
                opened = nil
                pause = Self.shortestPause
                while !isClosing {
                    try maintain(connection)
                    try connection.wait(for: interval, orUntil: wakeup)
                }
                // Not left to the end of the server's process, which comes a moment after that of the connection.
                _ = try connection.query("SELECT pg_advisory_unlock_all()")
            } catch {
                if let first = opened {
                    opened = nil
                    first.resume(throwing: error)
                    break
                }
                if isClosing { break }
                logger.warning(
                    "the maintenance connection is lost",
                    metadata: ["reason": "\((error as? DatabaseError)?.reason ?? "\(error)")"])
                let end = ContinuousClock.now + pause
                while !isClosing, ContinuousClock.now < end { wakeup.wait(socket: nil, timeout: end - .now) }
                pause = min(pause * 2, Self.longestPause)
            }
        }
        opened?.resume(throwing: DatabaseError(.cancelled, "the connection was closed"))
        let closers = state.withLock { state in
            state.hasEnded = true
            return state.closers
        }
        for closer in closers { closer.resume() }
    }
}
