// One connection and the thread that reads it. Statements are sent by whoever has them (the caller's thread,
// or this one after it has read results) under the pipeline's lock; results are read here only. Event loops
// cannot watch libpq's socket, and a thread of its own may wait for a name server without holding up anybody.

internal import Logging
internal import Synchronization

final class PooledConnection: Sendable {
    private let pool: ConnectionPool
    private let index: Int
    private let parameters: ConnectionParameters
    private let configuration: DatabaseConfiguration
    private let logger: Logger
    private let wakeup: Wakeup
    private let pipeline: Mutex<PipelinedConnection>
    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(1)
    private let hasUnsentBytes = Atomic<Bool>(false)
    /// The caller of a statement that was sent gave up since the thread last looked.
    private let hasAbandonedRequests = Atomic<Bool>(false)

    init(
        pool: ConnectionPool, index: Int, purpose: ConnectionPurpose, configuration: DatabaseConfiguration,
        logger: Logger
    ) throws(DatabaseError) {
        self.pool = pool
        self.index = index
        self.configuration = configuration
        self.logger = logger
        parameters = try ConnectionParameters(configuration, purpose: purpose)
        wakeup = try Wakeup()
        pool.probe.register(wakeup)
        pipeline = Mutex(
            PipelinedConnection(
                purpose: purpose, attemptLimit: configuration.attemptLimit,
                notices: ConnectionNotices(logger: logger)))
    }

    /// Starts the thread; it runs until the pool is closed.
    func start() throws(DatabaseError) {
        guard Thread.start({ [self] in run() }) else {
            throw DatabaseError(.unavailable, "no thread could be started")
        }
    }

    /// Wakes the thread, to look at what its pool wants.
    func wake() {
        wakeup.signal()
    }

    /// Has the thread look whether the server works for nobody.
    func requestCancellation() {
        hasAbandonedRequests.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Sends a batch from whatever thread this is.
    func send(_ batch: PipelineBatch) {
        let sending = pipeline.withLock { $0.send(batch) }
        switch sending {
        case .sent: break
        case .unfinished:
            hasUnsentBytes.store(true, ordering: .releasing)
            wakeup.signal()
        case .broken(let attempts):
            pool.returnUnsent(attempts, of: batch, connection: index)
            wakeup.signal()
        }
    }

    // MARK: - The thread

    private func run() {
        var pause = Self.shortestPause
        while !pool.shouldEnd(connection: index) {
            let connected = pipeline.connect(
                parameters, within: configuration.connectTimeout, wakeup: wakeup,
                unless: { pool.shouldEnd(connection: index) })
            switch connected {
            case .success(let socket):
                if pool.purpose == .reads, let niceness = configuration.niceness {
                    pipeline.withLock { $0.lowerServerPriority(to: niceness) }
                }
                pool.connectionUp(index, generation: pipeline.withLock { $0.generation })
                serve(socket)
                // Also before the first attempt: a server that just lost a process takes connections for
                // another moment, only to end them with all the others.
                pause = Self.shortestPause
            case .failure(let error):
                pool.connectionFailed(
                    index, error, isStarting: pool.isStarting && parameters.serverIsStarting())
                pause = min(pause * 2, Self.longestPause)
            }
            let end = ContinuousClock.now + pause * Double.random(in: 0.5...1)
            while !pool.shouldEnd(connection: index), ContinuousClock.now < end {
                wakeup.wait(socket: nil, timeout: end - .now)
            }
        }
        pool.connectionEnded(index)
    }

    /// Reads results until the connection is lost or the pool ends.
    private func serve(_ socket: Int32) {
        hasUnsentBytes.store(false, ordering: .releasing)
        let completions = CompletionBatch()
        var cancelScheduler = CancelScheduler(configuration.cancelDelay)
        while true {
            let isReady = wakeup.wait(
                socket: socket, writable: hasUnsentBytes.load(ordering: .acquiring),
                timeout: min(pool.probe.interval, cancelScheduler.timeLeft))
            if hasAbandonedRequests.exchange(false, ordering: .acquiringAndReleasing) {
                cancelScheduler.start()
            }
            var (results, request) = pipeline.withLock { pipeline in
                if hasUnsentBytes.exchange(false, ordering: .acquiringAndReleasing),
                    case .unfinished = pipeline.flush()
                {
                    hasUnsentBytes.store(true, ordering: .releasing)
                }
                if isReady { pipeline.lastSign = .now }
                var results = pipeline.receive()
                if results.lost == nil, pool.shouldEnd(connection: index) { results.lost = "closed" }
                if results.lost == nil, !isReady,
                    pool.probe.givesUp(
                        lastSign: pipeline.lastSign, busySince: pipeline.busySince, parameters)
                {
                    results.lost = "the server does not answer"
                }
                if results.lost != nil { pipeline.abandon(&results) }
                return (results, cancelScheduler.isOver ? cancelScheduler.look(&pipeline) : nil)
            }
            if let request { send(request) }
            if let reason = results.lost {
                if !pool.isClosing {
                    logger.warning("the connection to PostgreSQL is lost", metadata: ["reason": "\(reason)"])
                }
                pool.connectionDown(index)
            }
            // The next batch goes out before the callers of this one are told, so that the server does not
            // idle.
            pool.settle(&results, connection: index)
            deliver(results.completed, completions)
            if results.lost != nil { return }
        }
    }

    private func deliver(
        _ completed: [(request: StatementRequest, outcome: StatementRequest.Outcome)],
        _ completions: CompletionBatch
    ) {
        func finishAll() { for (request, outcome) in completed { request.finish(outcome, in: completions) } }
        if let around = configuration.aroundAnswers, completed.count > 1 {
            around(finishAll)
        } else {
            finishAll()
        }
        completions.finish()
    }

    /// Sends a request to cancel from a thread of its own, which a hung server keeps waiting.
    private func send(_ request: CancelRequest) {
        let isSending = Thread.start { [self] in
            if pool.purpose == .reads || request.isBeforeCommit(url: configuration.url) {
                pool.noteCancelRequest()
                request.send()
            }
            pipeline.withLock { $0.endCancelling(request) }
        }
        if !isSending { pipeline.withLock { $0.endCancelling(request) } }
    }
}
