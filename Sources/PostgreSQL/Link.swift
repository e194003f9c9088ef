// One connection and the thread that reads it. Statements are sent by whoever has them (the caller's thread,
// or this one after it has read answers) under the wire's lock; answers are read here only. Event loops
// cannot watch libpq's socket, and a thread of its own may wait for a name server without holding up anybody.

internal import Logging
internal import Synchronization

final class Link: Sendable {
    private let lane: Lane
    private let index: Int
    private let parameters: ConnectionParameters
    private let configuration: DatabaseConfiguration
    private let logger: Logger
    private let wakeup: Wakeup
    private let wire: Mutex<Wire>
    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(1)
    private let hasUnsentBytes = Atomic<Bool>(false)
    /// The caller of a statement that was sent gave up since the thread last looked.
    private let hasGivenUp = Atomic<Bool>(false)

    init(
        lane: Lane, index: Int, purpose: ConnectionPurpose, configuration: DatabaseConfiguration,
        logger: Logger
    ) throws(DatabaseError) {
        self.lane = lane
        self.index = index
        self.configuration = configuration
        self.logger = logger
        parameters = try ConnectionParameters(configuration, purpose: purpose)
        wakeup = try Wakeup()
        lane.probe.register(wakeup)
        wire = Mutex(
            Wire(
                purpose: purpose, attemptLimit: configuration.attemptLimit,
                notices: LinkNotices(logger: logger)))
    }

    /// Starts the thread; it runs until the lane is closed.
    func start() throws(DatabaseError) {
        guard Thread.start({ [self] in run() }) else {
            throw DatabaseError(.unavailable, "no thread could be started")
        }
    }

    /// Wakes the thread, to look at what its lane wants.
    func wake() {
        wakeup.signal()
    }

    /// Has the thread look whether the server works for nobody.
    func noteGivenUp() {
        hasGivenUp.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Sends a batch from whatever thread this is.
    func send(_ batch: Batch) {
        let sending = wire.withLock { $0.send(batch) }
        switch sending {
        case .sent: break
        case .unfinished:
            hasUnsentBytes.store(true, ordering: .releasing)
            wakeup.signal()
        case .broken(let attempts):
            lane.giveBack(attempts, of: batch, link: index)
            wakeup.signal()
        }
    }

    // MARK: - The thread

    private func run() {
        var pause = Self.shortestPause
        while !lane.shouldEnd(link: index) {
            let connected = wire.connect(
                parameters, within: configuration.connectTimeout, wakeup: wakeup,
                unless: { lane.shouldEnd(link: index) })
            switch connected {
            case .success(let socket):
                if lane.purpose == .reads, let niceness = configuration.niceness {
                    wire.withLock { $0.lowerServerPriority(to: niceness) }
                }
                lane.linkUp(index, generation: wire.withLock { $0.generation })
                serve(socket)
                // Also before the first attempt: a server that just lost a process takes connections for
                // another moment, only to end them with all the others.
                pause = Self.shortestPause
            case .failure(let error):
                lane.linkFailed(
                    index, error, isStarting: lane.isStarting && parameters.serverIsStarting())
                pause = min(pause * 2, Self.longestPause)
            }
            let end = ContinuousClock.now + pause * Double.random(in: 0.5...1)
            while !lane.shouldEnd(link: index), ContinuousClock.now < end {
                wakeup.wait(socket: nil, timeout: end - .now)
            }
        }
        lane.linkEnded(index)
    }

    /// Reads answers until the connection is lost or the lane ends.
    private func serve(_ socket: Int32) {
        hasUnsentBytes.store(false, ordering: .releasing)
        var patience = CancelPatience(configuration.cancelDelay)
        while true {
            let isReady = wakeup.wait(
                socket: socket, writable: hasUnsentBytes.load(ordering: .acquiring),
                timeout: min(lane.probe.interval, patience.timeLeft))
            if hasGivenUp.exchange(false, ordering: .acquiringAndReleasing) { patience.start() }
            var (answers, request) = wire.withLock { wire in
                if hasUnsentBytes.exchange(false, ordering: .acquiringAndReleasing),
                    case .unfinished = wire.flush()
                {
                    hasUnsentBytes.store(true, ordering: .releasing)
                }
                if isReady { wire.lastSign = .now }
                var answers = wire.receive()
                if answers.lost == nil, lane.shouldEnd(link: index) { answers.lost = "closed" }
                if answers.lost == nil, !isReady,
                    lane.probe.givesUp(
                        lastSign: wire.lastSign, busySince: wire.busySince, parameters)
                {
                    answers.lost = "the server does not answer"
                }
                if answers.lost != nil { wire.abandon(&answers) }
                return (answers, patience.isOver ? patience.look(&wire) : nil)
            }
            if let request { send(request) }
            if let reason = answers.lost {
                if !lane.isClosing {
                    logger.warning("the connection to PostgreSQL is lost", metadata: ["reason": "\(reason)"])
                }
                lane.linkDown(index)
            }
            // The next group goes out before the callers of this one are told, so that the server does not
            // idle.
            lane.settle(&answers, link: index)
            tell(answers.completed)
            if answers.lost != nil { return }
        }
    }

    private func tell(_ completed: [(call: Call, answer: Call.Answer)]) {
        guard let around = configuration.aroundAnswers, completed.count > 1 else {
            for (call, answer) in completed { call.finish(answer) }
            return
        }
        around { for (call, answer) in completed { call.finish(answer) } }
    }

    /// Sends a request to cancel from a thread of its own, which a hung server keeps waiting.
    private func send(_ request: CancelRequest) {
        let isSending = Thread.start { [self] in
            if lane.purpose == .reads || request.isBeforeCommit(url: configuration.url) {
                lane.noteCancelRequest()
                request.send()
            }
            wire.withLock { $0.endCancelling(request) }
        }
        if !isSending { wire.withLock { $0.endCancelling(request) } }
    }
}
