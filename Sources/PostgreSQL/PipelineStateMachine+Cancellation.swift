// Statements whose callers gave up, and what a request to cancel may have hit.
//
// The results of a batch come together, so it is known which batch the server works at and not which statement. The request
// hits what runs when it arrives: a statement of that batch, or of one that was sent before the request was through. Those
// batches are marked as exposed. An exposed batch that was cancelled changed nothing; its requests that are still wanted
// are sent again, so that only the caller who gave up notices.

extension PipelineStateMachine {
    /// Where statements are whose callers gave up.
    enum Unwanted {
        case nowhere
        /// In the batch that the server works at.
        case current
        /// In a later batch.
        case later
    }

    /// Where the first of them is.
    var unwanted: Unwanted {
        var isCurrent = batchError == nil
        for entry in expected[next...] {
            switch entry {
            case .prepare: continue
            case .execute(let attempts, _):
                if attempts.contains(where: { !$0.request.isWanted }) { return isCurrent ? .current : .later }
            case .sync: isCurrent = false
            }
        }
        return .nowhere
    }

    /// A request to cancel is about to be sent; `endCancelling` has to follow when it is through.
    mutating func startCancelling() {
        isCancelling = true
        for index in expected.indices[next...] {
            if case .sync(let statements, _) = expected[index] {
                expected[index] = .sync(statements: statements, isExposed: true)
            }
        }
    }

    /// The request is through: it cannot hit what is sent from here on.
    mutating func endCancelling(generation: Int) {
        if generation == self.generation { isCancelling = false }
    }
}

/// When a connection looks for statements whose callers gave up, and asks the server to cancel them.
struct CancelScheduler {
    enum Action {
        case none
        case cancel
    }

    private static let longestPause = Duration.seconds(5)
    private let delay: Duration
    private var pause: Duration
    private var due: ContinuousClock.Instant?
    /// The connection's last sign of life at the previous request: without another the same statement still runs, and
    /// each further request helps less.
    private var signAtRequest: ContinuousClock.Instant?

    init(delay: Duration) {
        self.delay = max(.milliseconds(1), delay)
        pause = self.delay
    }

    /// A caller gave up.
    mutating func start(at now: ContinuousClock.Instant) {
        if due == nil { due = now + delay }
    }

    /// How long the connection may sleep.
    func timeLeft(at now: ContinuousClock.Instant) -> Duration { due.map { $0 - now } ?? Self.longestPause }

    func isDue(at now: ContinuousClock.Instant) -> Bool { due.map { $0 <= now } ?? false }

    /// Decides what to do now that it is due.
    mutating func fire<Response>(
        _ unwanted: PipelineStateMachine<Response>.Unwanted, lastSign: ContinuousClock.Instant,
        at now: ContinuousClock.Instant
    ) -> Action {
        switch unwanted {
        case .nowhere:
            due = nil
            return .none
        case .later:
            due = now + delay
            return .none
        case .current:
            pause = lastSign == signAtRequest ? min(pause * 2, Self.longestPause) : delay
            signAtRequest = lastSign
            due = now + pause
            return .cancel
        }
    }
}
