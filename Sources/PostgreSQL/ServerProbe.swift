// Detects a server that hangs. A stopped process keeps its sockets open and sends nothing, and no keepalive notices, because
// the kernel answers those. Silence alone proves nothing, since the results of a batch come together and a statement may be
// slow. So when a connection has been silent for a while, the server is probed on a new connection; without an answer in
// time, all connections that have been silent since then count as lost, idle ones too, and callers fail as unavailable.

internal import Synchronization

/// The decisions about one server, which all connections share.
struct ProbeStateMachine {
    private let silenceTolerance: Duration
    private let answerLimit: Duration
    /// nil if statements have no time limit.
    private let stuckTolerance: Duration?
    /// When the probe was sent that has no answer yet.
    private var asked: ContinuousClock.Instant?
    /// When the probe was sent that got no answer in time.
    private var hung: ContinuousClock.Instant?
    private var answered: ContinuousClock.Instant?

    init(_ limits: DatabaseConfiguration) {
        silenceTolerance = max(.milliseconds(10), limits.silenceTolerance)
        answerLimit = max(.milliseconds(10), limits.probeTimeout)
        stuckTolerance = limits.statementTimeout > .zero ? limits.stuckTolerance : nil
    }

    /// How often a connection's thread has to call `check`.
    var interval: Duration { min(silenceTolerance, answerLimit) / 2 }

    enum Action: Equatable {
        case none
        /// Probe the server; `probed` has to follow.
        case probe
        /// The connection counts as lost.
        case giveUp
    }

    /// Looks at a connection, by the time of its last input and the time since when it has owed results. Returns also
    /// whether the other connections' threads have to look at theirs.
    mutating func check(
        lastSign: ContinuousClock.Instant, busySince: ContinuousClock.Instant?,
        at now: ContinuousClock.Instant
    ) -> (action: Action, wakesOthers: Bool) {
        if let hung, lastSign < hung { return (.giveUp, false) }
        if let busySince, let stuckTolerance, let answered {
            // The server has answered a probe since, so only this connection's process hangs.
            let silentSince = max(lastSign, busySince)
            if answered > silentSince, now - silentSince >= stuckTolerance { return (.giveUp, false) }
        }
        if let asked {
            guard now - asked >= answerLimit, hung != asked else { return (.none, false) }
            hung = asked
            return (lastSign < asked ? .giveUp : .none, true)
        }
        guard let busySince else { return (.none, false) }
        let silentSince = max(lastSign, busySince, answered ?? lastSign)
        guard now - silentSince >= silenceTolerance else { return (.none, false) }
        asked = now
        return (.probe, false)
    }

    /// The server accepted a connection.
    mutating func connected() {
        hung = nil
    }

    /// A probe could not be sent.
    mutating func probeFailed() {
        asked = nil
    }

    /// A probe that was sent at this time has its answer, or none. Returns whether the threads have to look at their
    /// connections.
    mutating func probed(
        sent: ContinuousClock.Instant, isAnswered: Bool, at now: ContinuousClock.Instant
    ) -> Bool {
        asked = nil
        if isAnswered {
            hung = nil
            answered = now
        } else {
            hung = sent
        }
        return !isAnswered
    }
}

/// The probe of one server: a lock, the threads that probe, and those to be woken.
final class ServerProbe: Sendable {
    private struct State {
        var machine: ProbeStateMachine
        var wakeups: [Wakeup] = []
    }

    /// How often a connection's thread has to ask `givesUp`.
    let interval: Duration
    private let state: Mutex<State>

    init(_ configuration: DatabaseConfiguration) {
        let machine = ProbeStateMachine(configuration)
        interval = machine.interval
        state = Mutex(State(machine: machine))
    }

    /// Has a thread woken when the server is found to hang.
    func register(_ wakeup: Wakeup) {
        state.withLock { $0.wakeups.append(wakeup) }
    }

    /// Whether a connection to the address counts as lost, by the time of its last input and the time since when it has owed
    /// results.
    func givesUp(
        lastSign: ContinuousClock.Instant, busySince: ContinuousClock.Instant?,
        _ parameters: ConnectionParameters, _ address: ServerAddress
    ) -> Bool {
        let now = ContinuousClock.now
        let (action, wakeups) = state.withLock { state in
            let (action, wakesOthers) = state.machine.check(lastSign: lastSign, busySince: busySince, at: now)
            return (action, wakesOthers ? state.wakeups : [])
        }
        for wakeup in wakeups { wakeup.signal() }
        if case .probe = action {
            let isProbing = Thread.start { [self] in
                let isAnswered = parameters.serverAnswers(at: address)
                let wakeups = state.withLock { state in
                    state.machine.probed(sent: now, isAnswered: isAnswered, at: .now) ? state.wakeups : []
                }
                for wakeup in wakeups { wakeup.signal() }
            }
            if !isProbing { state.withLock { $0.machine.probeFailed() } }
        }
        return action == .giveUp
    }

    /// Wakes the threads, to look at their connections.
    func wakeAll() {
        let wakeups = state.withLock { $0.wakeups }
        for wakeup in wakeups { wakeup.signal() }
    }

    /// The server accepted a connection.
    func isAlive() {
        state.withLock { $0.machine.connected() }
    }
}
