// The run as it goes on: each loop says once a second what happened in it, and what all have said becomes a point of the
// timeline.

internal import Histogram
internal import Synchronization

/// What happened on one loop in one second.
struct SecondCount: Sendable {
    var sent: UInt64 = 0
    /// By outcome.
    var outcomes = [UInt64](repeating: 0, count: Outcome.count)
    var unexpected: UInt64 = 0
    var response = Durations()
    var inFlight = 0
    /// The step; nil in the warm-up.
    var step: Int?

    mutating func add(_ other: SecondCount) {
        sent += other.sent
        unexpected += other.unexpected
        for index in outcomes.indices { outcomes[index] += other.outcomes[index] }
        response.add(other.response)
        inFlight += other.inFlight
        step = other.step
    }

    func point(second: Int) -> TimelinePoint {
        var statuses: [String: UInt64] = [:]
        for (index, count) in outcomes.enumerated() where count > 0 { statuses[Outcome.names[index]] = count }
        let isEmpty = response.totalCount == 0
        return TimelinePoint(
            second: second, warmUp: step == nil, step: step ?? 0, sent: sent, statuses: statuses,
            errors: unexpected, median: isEmpty ? 0 : response.valueAtPercentile(50),
            p99: isEmpty ? 0 : response.valueAtPercentile(99), maximum: isEmpty ? 0 : response.max,
            inFlight: inFlight)
    }
}

/// Puts the seconds of all loops together.
final class Timeline: Sendable {
    private struct State {
        var seconds: [(count: SecondCount, loops: Int)] = []
        var points: [TimelinePoint] = []
        var ended: UInt64 = 0
        var unexpected: UInt64 = 0
    }

    private let loops: Int
    private let report: @Sendable (Timeline, TimelinePoint) -> Void
    private let state = Mutex(State())

    /// For so many loops; `report` is told each point when it is complete.
    init(loops: Int, report: @escaping @Sendable (Timeline, TimelinePoint) -> Void) {
        self.loops = loops
        self.report = report
    }

    var points: [TimelinePoint] { state.withLock { $0.points } }

    /// The share of unexpected endings in all, and of how many; without the warm-up.
    var errors: (share: Double, of: UInt64) {
        state.withLock { (Double($0.unexpected) / Double(max(1, $0.ended)), $0.ended) }
    }

    /// Takes what is there of seconds that not every loop has lived to see.
    func complete() {
        state.withLock { state in
            for second in state.points.count..<state.seconds.count {
                state.points.append(state.seconds[second].count.point(second: second))
            }
        }
    }

    /// Takes a second of one loop, which tells them in order.
    func add(_ count: SecondCount, second: Int) {
        let point = state.withLock { state -> TimelinePoint? in
            while state.seconds.count <= second { state.seconds.append((SecondCount(), 0)) }
            state.seconds[second].count.add(count)
            state.seconds[second].loops += 1
            if count.step != nil {
                state.ended += count.outcomes.reduce(0, +)
                state.unexpected += count.unexpected
            }
            guard state.seconds[second].loops == loops else { return nil }
            let point = state.seconds[second].count.point(second: second)
            state.points.append(point)
            return point
        }
        if let point { report(self, point) }
    }
}
