// Receives notifications of changes (LISTEN and NOTIFY). It has a connection and a thread of its own, since a notification
// must not wait behind statements.
//
// A connection can be dead without an error, and then no notification comes. So it sends a heartbeat, a small statement:
// PostgreSQL answers it after all notifications that are due, and so each answer proves that nothing was missed until the
// heartbeat was sent. The statement asks for the process number of the backend: behind a pooler that passes each statement to
// another backend, it differs from the session's, and no notification would come.

internal import Logging
internal import Synchronization

/// What happens on a channel.
public enum ChannelEvent: Sendable, Hashable {
    /// Every notification of a transaction that was acknowledged before this moment has been reported, unless the
    /// connection was lost in between.
    case upToDate(asOf: ContinuousClock.Instant)
    /// The channel was notified, once or several times.
    case notified
    /// The connection is lost: nothing is reported until the next `upToDate`.
    case lost
}

final class Listener: Sendable {
    private struct State {
        var isClosing = false
        var hasEnded = true
        var closers: [UnsafeContinuation<Void, Never>] = []
    }

    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(1)
    private static let heartbeat = "SELECT pg_backend_pid()"

    private let channel: String
    private let report: @Sendable (ChannelEvent) -> Void
    private let configuration: DatabaseConfiguration
    private let parameters: ConnectionParameters
    private let logger: Logger
    private let wakeup: Wakeup
    private let connection: Mutex<PipelinedConnection>
    private let state = Mutex(State())
    private let isProven = Atomic<Bool>(false)

    init(
        channel: String, configuration: DatabaseConfiguration, logger: Logger,
        report: @escaping @Sendable (ChannelEvent) -> Void
    ) throws(DatabaseError) {
        self.channel = channel
        self.report = report
        self.configuration = configuration
        self.logger = logger
        parameters = try ConnectionParameters(configuration, purpose: .reads)
        wakeup = try Wakeup()
        connection = Mutex(
            PipelinedConnection(purpose: .reads, attemptLimit: 1, notices: ConnectionNotices(logger: logger)))
    }

    /// Whether a heartbeat has been answered since the connection was made.
    var isUp: Bool { isProven.load(ordering: .relaxed) }

    /// Starts the thread; it runs until the listener is closed.
    func start() throws(DatabaseError) {
        state.withLock { $0.hasEnded = false }
        guard Thread.start({ [self] in run() }) else {
            state.withLock { $0.hasEnded = true }
            throw DatabaseError(.unavailable, "no thread could be started")
        }
    }

    /// Ends it without waiting.
    func abandon() {
        state.withLock { $0.isClosing = true }
        wakeup.signal()
    }

    /// Ends it, and returns when the connection is closed.
    func close() async {
        abandon()
        await withUnsafeContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.closers.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    // MARK: - The thread

    private var isClosing: Bool { state.withLock { $0.isClosing } }

    private func run() {
        var pause = Self.shortestPause
        while !isClosing {
            let connected = connection.connect(
                parameters, wakeup: wakeup, unless: { isClosing })
            let reason =
                switch connected {
                case .success(let socket): serve(socket)
                case .failure(let error): error.reason
                }
            connection.withLock { $0.disconnect() }
            if isProven.exchange(false, ordering: .relaxed) {
                pause = Self.shortestPause
                if !isClosing {
                    logger.warning(
                        "the connection that listens for changes is lost",
                        metadata: ["channel": "\(channel)", "reason": "\(reason)"])
                }
                report(.lost)
            } else {
                logger.debug(
                    "no connection to listen for changes",
                    metadata: ["channel": "\(channel)", "reason": "\(reason)"])
                pause = min(pause * 2, Self.longestPause)
            }
            let end = ContinuousClock.now + pause * Double.random(in: 0.5...1)
            while !isClosing, ContinuousClock.now < end { wakeup.wait(socket: nil, timeout: end - .now) }
        }
        let closers = state.withLock { state in
            state.hasEnded = true
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// Listens until the connection is lost or the listener is closed; returns the reason.
    private func serve(_ socket: Int32) -> String {
        // When the statement on its way was sent, and when the next heartbeat is due; the first follows LISTEN at
        // once.
        var sent: ContinuousClock.Instant? = .now
        var next = ContinuousClock.now
        var hasListened = false
        guard connection.withLock({ $0.sendStatement("LISTEN \"\(channel)\"") }) else {
            return "the connection is broken"
        }
        while !isClosing {
            let end = sent.map { $0 + configuration.probeTimeout } ?? next
            let isReady = wakeup.wait(socket: socket, timeout: max(.zero, end - .now))
            let polled = connection.withLock { $0.pollNotifications(awaitsResult: sent != nil) }
            if polled.isNotified { report(.notified) }
            if let reason = polled.lost { return reason }
            let now = ContinuousClock.now
            if let moment = sent {
                if polled.isAnswered {
                    sent = nil
                    if hasListened {
                        isProven.store(true, ordering: .relaxed)
                        report(.upToDate(asOf: moment))
                    }
                    hasListened = true
                } else if !isReady, now >= end {
                    return "the server does not answer"
                }
            }
            if sent == nil, now >= next {
                sent = now
                next = now + configuration.heartbeatInterval
                guard connection.withLock({ $0.sendStatement(Self.heartbeat) }) else {
                    return "the connection is broken"
                }
            }
        }
        return "closed"
    }
}
