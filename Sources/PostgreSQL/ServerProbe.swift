// Tells a server that hangs from one that is at work. A stopped process keeps its sockets open and results
// nothing, and no keepalive notices: the kernel results those. Silence alone does not tell either, since the
// results of a batch come together and a statement may be slow. So when a connection has been silent for a
// while, somebody knocks at the front door; if nobody opens in time, all connections that have been silent since
// are given up, in use or not, and callers pollNotifications that the database cannot be reached.

internal import Synchronization

final class ServerProbe: Sendable {
    private struct State {
        /// When the knock was sent that has no answer yet.
        var asked: ContinuousClock.Instant?
        /// When the knock was sent that got no outcome in time.
        var hung: ContinuousClock.Instant?
        var answered: ContinuousClock.Instant?
        var wakeups: [Wakeup] = []
    }

    private enum Step {
        case goOn
        case ask(ContinuousClock.Instant)
        case giveUp
    }

    private let silenceTolerance: Duration
    private let answerLimit: Duration
    /// nil where a statement may take as long as it likes.
    private let stuckTolerance: Duration?
    private let state = Mutex(State())

    init(_ configuration: DatabaseConfiguration) {
        silenceTolerance = max(.milliseconds(10), configuration.silenceTolerance)
        answerLimit = max(.milliseconds(10), configuration.probeTimeout)
        stuckTolerance = configuration.statementTimeout > .zero ? configuration.stuckTolerance : nil
    }

    /// How often a connection's thread asks `givesUp`.
    var interval: Duration { min(silenceTolerance, answerLimit) / 2 }

    /// Has a thread woken when the server is found to hang.
    func register(_ wakeup: Wakeup) {
        state.withLock { $0.wakeups.append(wakeup) }
    }

    /// Whether a connection is to be given up: when it had its last sign of life, and since when it has owed
    /// results, if it does.
    func givesUp(
        lastSign: ContinuousClock.Instant, busySince: ContinuousClock.Instant?,
        _ parameters: ConnectionParameters
    ) -> Bool {
        let now = ContinuousClock.now
        let (step, wakeups) = state.withLock { state -> (Step, [Wakeup]) in
            if let hung = state.hung, lastSign < hung { return (.giveUp, []) }
            if let busySince, let stuckTolerance, let answered = state.answered {
                // The server has opened its door since, so it is this connection's process that does nothing.
                let silentSince = max(lastSign, busySince)
                if answered > silentSince, now - silentSince >= stuckTolerance { return (.giveUp, []) }
            }
            if let asked = state.asked {
                guard now - asked >= answerLimit, state.hung != asked else { return (.goOn, []) }
                state.hung = asked
                return (lastSign < asked ? .giveUp : .goOn, state.wakeups)
            }
            guard let busySince else { return (.goOn, []) }
            let polled = max(lastSign, busySince, state.answered ?? lastSign)
            guard now - polled >= silenceTolerance else { return (.goOn, []) }
            state.asked = now
            return (.ask(now), [])
        }
        for wakeup in wakeups { wakeup.signal() }
        switch step {
        case .goOn: return false
        case .giveUp: return true
        case .ask(let time):
            let isAsking = Thread.start { [self] in answered(parameters.serverAnswers(), asked: time) }
            if !isAsking { state.withLock { $0.asked = nil } }
            return false
        }
    }

    /// Somebody was answered by the server.
    func isAlive() {
        state.withLock { $0.hung = nil }
    }

    private func answered(_ isAlive: Bool, asked: ContinuousClock.Instant) {
        let wakeups = state.withLock { state -> [Wakeup] in
            state.asked = nil
            if isAlive {
                state.hung = nil
                state.answered = .now
                return []
            }
            state.hung = asked
            return state.wakeups
        }
        for wakeup in wakeups { wakeup.signal() }
    }
}
