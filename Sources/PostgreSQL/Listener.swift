// A line on which PostgreSQL tells at once what others have changed (LISTEN and NOTIFY). It has a connection and a thread
// of its own, since a notification must not wait behind statements.
//
// A line may be dead without a word, and then nothing is notified on it. So a statement goes over it again and again:
// PostgreSQL results that behind all it had to notify before, and thus each answer says up to which moment nothing was
// missed. The statement asks for the number of the server's process: behind a pooler, which hands each statement to
// another one, it is not that of the connection, and nothing would be polled.

internal import Logging
internal import Synchronization

/// What is polled on a channel.
public enum ChannelEvent: Sendable, Hashable {
    /// Whatever was notified by a transaction that was acknowledged before this moment has been reported, as far as the
    /// line was not lost in between.
    case upToDate(asOf: ContinuousClock.Instant)
    /// Somebody notified the channel, once or several times.
    case notified
    /// The line is lost: until the next `upToDate` nothing is polled.
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
    private static let proof = "SELECT pg_backend_pid()"

    private let channel: String
    private let report: @Sendable (ChannelEvent) -> Void
    private let configuration: DatabaseConfiguration
    private let parameters: ConnectionParameters
    private let logger: Logger
    private let wakeup: Wakeup
    private let pipeline: Mutex<PipelinedConnection>
    private let state = Mutex(State())
    private let isHearing = Atomic<Bool>(false)

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
        pipeline = Mutex(
            PipelinedConnection(purpose: .reads, attemptLimit: 1, notices: ConnectionNotices(logger: logger)))
    }

    /// Whether it has polled something since its line was made.
    var isUp: Bool { isHearing.load(ordering: .relaxed) }

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
            let connected = pipeline.connect(
                parameters, within: configuration.connectTimeout, wakeup: wakeup, unless: { isClosing })
            let reason =
                switch connected {
                case .success(let socket): serve(socket)
                case .failure(let error): error.reason
                }
            pipeline.withLock { $0.disconnect() }
            if isHearing.exchange(false, ordering: .relaxed) {
                pause = Self.shortestPause
                if !isClosing {
                    logger.warning(
                        "the line that hears of changes is lost",
                        metadata: ["channel": "\(channel)", "reason": "\(reason)"])
                }
                report(.lost)
            } else {
                logger.debug(
                    "no line to hear of changes",
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

    /// Listens until the connection is lost or the listener is closed; says why.
    private func serve(_ socket: Int32) -> String {
        // When what was asked was sent, and when the next is; the first proof follows LISTEN at once.
        var asked: ContinuousClock.Instant? = .now
        var next = ContinuousClock.now
        var isListening = false
        guard pipeline.withLock({ $0.ask("LISTEN \"\(channel)\"") }) else {
            return "the connection is broken"
        }
        while !isClosing {
            let end = asked.map { $0 + configuration.probeTimeout } ?? next
            let isReady = wakeup.wait(socket: socket, timeout: max(.zero, end - .now))
            let polled = pipeline.withLock { $0.pollNotifications(isAsked: asked != nil) }
            if polled.isNotified { report(.notified) }
            if let reason = polled.lost { return reason }
            let now = ContinuousClock.now
            if let moment = asked {
                if polled.isAnswered {
                    asked = nil
                    if isListening {
                        isHearing.store(true, ordering: .relaxed)
                        report(.upToDate(asOf: moment))
                    }
                    isListening = true
                } else if !isReady, now >= end {
                    return "the server does not answer"
                }
            }
            if asked == nil, now >= next {
                asked = now
                next = now + configuration.heartbeatInterval
                guard pipeline.withLock({ $0.ask(Self.proof) }) else { return "the connection is broken" }
            }
        }
        return "closed"
    }
}
