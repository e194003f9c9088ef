// One connection of a pool and the thread that reads it. A batch is sent by whoever has it (the caller's thread, or this
// one after it has read results) under the pipeline's lock; results are read here only. Event loops cannot watch libpq's
// socket, and a thread of its own may wait for a name server without delaying anybody.

internal import Logging
internal import Synchronization

final class PooledConnection: Sendable {
    private let pool: ConnectionPool
    private let index: Int
    private let configuration: DatabaseConfiguration
    private let parameters: ConnectionParameters
    private let wakeup: Wakeup
    private let pipeline: Mutex<PipelinedConnection>
    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(1)
    private let hasUnsentBytes = Atomic<Bool>(false)
    /// Whether the caller of a statement that was sent gave up since the thread last looked.
    private let hasAbandonedRequests = Atomic<Bool>(false)

    init(pool: ConnectionPool, index: Int) throws(DatabaseError) {
        self.pool = pool
        self.index = index
        configuration = pool.configuration
        parameters = try ConnectionParameters(configuration, purpose: pool.purpose)
        wakeup = try Wakeup()
        pool.probe.register(wakeup)
        pipeline = Mutex(
            PipelinedConnection(
                purpose: pool.purpose, attemptLimit: configuration.attemptLimit,
                lockStatement: pool.purpose == .writes ? configuration.lockStatement : nil,
                resultLimit: configuration.resultLimit,
                notices: ConnectionNotices(logger: pool.logger)))
    }

    /// Starts the thread; it runs until the pool is closed.
    func start() throws(DatabaseError) {
        guard Thread.start({ [self] in run() }) else {
            throw DatabaseError(.unavailable, "no thread could be started")
        }
    }

    /// Since when it has owed results; nil if it owes none.
    var busySince: ContinuousClock.Instant? { pipeline.withLock { $0.machine.busySince } }

    /// Wakes the thread, to look whether it should end.
    func wake() {
        wakeup.signal()
    }

    /// Has the thread look whether the server runs a statement whose caller gave up.
    func requestCancellation() {
        hasAbandonedRequests.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Sends a batch from whatever thread this is.
    func send(_ batch: PipelineBatch) {
        switch pipeline.withLock({ $0.send(batch) }) {
        case .sent: break
        case .unfinished:
            hasUnsentBytes.store(true, ordering: .releasing)
            wakeup.signal()
        case .broken(let attempts):
            pool.sendFailed(attempts, of: batch)
            wakeup.signal()
        }
    }

    // MARK: - The thread

    private func run() {
        var pause = Self.shortestPause
        while !pool.shouldEnd(connection: index) {
            let connected = pipeline.connect(
                parameters, wakeup: wakeup, unless: { pool.shouldEnd(connection: index) })
            switch connected {
            case .success(let socket):
                if pool.purpose == .reads, let niceness = configuration.niceness {
                    pipeline.withLock { $0.lowerServerPriority(to: niceness) }
                }
                pool.connectionUp(index, generation: pipeline.withLock { $0.machine.generation })
                serve(socket)
                // Also before the first attempt: a server that just lost a process accepts connections for another
                // moment, only to end them with all the others.
                pause = Self.shortestPause
            case .failure(let error):
                pool.connectionFailed(
                    error, serverIsStarting: pool.isStarting && parameters.serverIsStarting())
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
        var cancelScheduler = CancelScheduler(delay: configuration.cancelDelay)
        while true {
            let isReadable = wakeup.wait(
                socket: socket, writable: hasUnsentBytes.load(ordering: .acquiring),
                timeout: min(pool.probe.interval, cancelScheduler.timeLeft(at: .now)))
            if hasAbandonedRequests.exchange(false, ordering: .acquiringAndReleasing) {
                cancelScheduler.start(at: .now)
            }
            let (results, cancelRequest) = pipeline.withLock { pipeline in
                if hasUnsentBytes.exchange(false, ordering: .acquiringAndReleasing),
                    case .unfinished = pipeline.flush()
                {
                    hasUnsentBytes.store(true, ordering: .releasing)
                }
                if isReadable { pipeline.machine.lastSign = .now }
                var results = pipeline.receive()
                if results.lost == nil { results.lost = reasonToGiveUp(&pipeline, isReadable: isReadable) }
                if results.lost != nil { pipeline.disconnect(settlingInto: &results) }
                return (results, pipeline.cancelRequest(&cancelScheduler))
            }
            if let cancelRequest { send(cancelRequest) }
            if let reason = results.lost {
                if !pool.isClosing {
                    pool.logger.warning(
                        "the connection to PostgreSQL is lost", metadata: ["reason": "\(reason)"])
                }
                pool.connectionDown(index)
            }
            pool.completed(results, on: index)
            deliver(results.completed, completions)
            if results.lost != nil { return }
        }
    }

    /// Why a connection that still works is closed: the pool ends, or the server hangs.
    private func reasonToGiveUp(
        _ pipeline: inout PipelinedConnection, isReadable: Bool
    ) -> String? {
        if pool.shouldEnd(connection: index) { return "closed" }
        if configuration.checksTimeline, pipeline.isFenced { return "another server is the primary now" }
        guard !isReadable, let address = pipeline.address,
            pool.probe.givesUp(
                lastSign: pipeline.machine.lastSign, busySince: pipeline.machine.busySince, parameters,
                address)
        else { return nil }
        ConnectionAttempts.foundSilent(address)
        return "the server does not answer"
    }

    private func deliver(
        _ completed: [(request: StatementRequest, outcome: StatementRequest.Outcome)],
        _ completions: CompletionBatch
    ) {
        for (request, outcome) in completed { request.finish(outcome, in: completions) }
        completions.finish()
    }

    /// Sends a request to cancel from a thread of its own, because a hung server would block this one.
    private func send(_ request: CancelRequest) {
        let isSending = Thread.start { [self] in
            if pool.purpose == .reads || request.isBeforeCommit(url: configuration.url) {
                pool.countCancelRequest()
                request.send()
            }
            pipeline.withLock { $0.machine.endCancelling(generation: request.generation) }
        }
        if !isSending {
            pipeline.withLock { $0.machine.endCancelling(generation: request.generation) }
        }
    }
}
