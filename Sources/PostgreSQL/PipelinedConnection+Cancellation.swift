// Which statements nobody waits for any more, and what a request to cancel may have hit.
//
// The results of a batch come together, so it is known which batch the server is at and not which statement. The
// request hits what runs when it arrives: somebody in that batch, or in one that was sent before the request was
// through. Those batches are marked. A marked batch that was cancelled changed nothing; what is still wanted of it
// is sent again, and nobody but the one who gave up hears of it.

internal import CPostgreSQL

extension PipelinedConnection {
    /// Where statements are that nobody waits for.
    enum Unwanted {
        case nowhere
        /// In the batch the server is at.
        case here
        /// In a batch that has its turn later.
        case later
    }

    /// Where the first of them is.
    var unwanted: Unwanted {
        var isHere = batchError == nil
        for entry in expected[next...] {
            switch entry {
            case .prepare: continue
            case .execute(let attempts, _):
                if attempts.contains(where: { !$0.request.isWanted }) { return isHere ? .here : .later }
            case .sync: isHere = false
            }
        }
        return .nowhere
    }

    /// Begins a request to cancel what the server is at; `endCancelling` has to follow when it is through.
    mutating func startCancelling() -> CancelRequest? {
        guard !isCancelling, let request = CancelRequest(connection: connection, generation: generation)
        else {
            return nil
        }
        isCancelling = true
        for index in expected.indices[next...] {
            if case .sync(let statements, _) = expected[index] {
                expected[index] = .sync(statements: statements, isExposed: true)
            }
        }
        return request
    }

    /// The request is through: what is sent from here on cannot be hit by it.
    mutating func endCancelling(_ request: CancelRequest) {
        if request.generation == generation { isCancelling = false }
    }
}

/// When a connection's thread looks for statements that nobody waits for.
struct CancelScheduler {
    private static let longestPause = Duration.seconds(5)
    private let delay: Duration
    private var pause: Duration
    private var due: ContinuousClock.Instant?
    /// The connection's last sign of life when the server was asked before: without another the same statement
    /// still runs, and asking again helps less and less.
    private var signWhenAsked: ContinuousClock.Instant?

    init(_ delay: Duration) {
        self.delay = max(.milliseconds(1), delay)
        pause = self.delay
    }

    /// Somebody gave up.
    mutating func start() {
        if due == nil { due = .now + delay }
    }

    var timeLeft: Duration { due.map { $0 - .now } ?? Self.longestPause }

    var isOver: Bool { due.map { $0 <= .now } ?? false }

    /// Looks at what the connection is at; returns what to ask of the server.
    mutating func look(_ pipeline: inout PipelinedConnection) -> CancelRequest? {
        switch pipeline.unwanted {
        case .nowhere:
            due = nil
            return nil
        case .later:
            due = .now + delay
            return nil
        case .here:
            pause = pipeline.lastSign == signWhenAsked ? min(pause * 2, Self.longestPause) : delay
            signWhenAsked = pipeline.lastSign
            due = .now + pause
            return pipeline.startCancelling()
        }
    }
}
