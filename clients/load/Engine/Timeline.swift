// The timeline of a run: each loop reports once per second, and the reports of all loops form a point.

internal import Histogram
internal import Synchronization

/// The record of one loop for one second.
struct SecondRecord: Sendable {
    var sent: UInt64 = 0
    /// Counts by outcome.
    var outcomes = [UInt64](repeating: 0, count: CallOutcome.count)
    var unexpected: UInt64 = 0
    var response = DurationHistogram()
    var inFlight = 0
    /// The most at any moment of the second. For several loops it is a bound: each may have had its most at another moment.
    var mostInFlight = 0
    /// The step; nil during warm-up.
    var step: Int?

    mutating func add(_ other: SecondRecord) {
        sent += other.sent
        unexpected += other.unexpected
        for index in outcomes.indices { outcomes[index] += other.outcomes[index] }
        response.add(other.response)
        inFlight += other.inFlight
        mostInFlight += other.mostInFlight
        step = other.step
    }

    func point(second: Int) -> TimelinePoint {
        var statuses: [String: UInt64] = [:]
        for (index, count) in outcomes.enumerated() where count > 0 {
            statuses[CallOutcome.names[index]] = count
        }
        let isEmpty = response.totalCount == 0
        return TimelinePoint(
            second: second, warmUp: step == nil, step: step ?? 0, sent: sent, statuses: statuses,
            errors: unexpected, median: isEmpty ? 0 : response.valueAtPercentile(50),
            p99: isEmpty ? 0 : response.valueAtPercentile(99), maximum: isEmpty ? 0 : response.max,
            inFlight: inFlight, mostInFlight: mostInFlight)
    }
}

/// Merges the seconds of all loops.
final class Timeline: Sendable {
    private struct State {
        var seconds: [(count: SecondRecord, loops: Int)] = []
        var points: [TimelinePoint] = []
        var ended: UInt64 = 0
        var unexpected: UInt64 = 0
    }

    private let loops: Int
    private let report: @Sendable (Timeline, TimelinePoint) -> Void
    private let state = Mutex(State())

    /// Makes a timeline for `loops` loops; `report` is called with each complete point.
    init(loops: Int, report: @escaping @Sendable (Timeline, TimelinePoint) -> Void) {
        self.loops = loops
        self.report = report
    }

    var points: [TimelinePoint] { state.withLock { $0.points } }

    /// The share of unexpected outcomes and the number of calls, without the warm-up.
    var errors: (share: Double, of: UInt64) {
        state.withLock { (Double($0.unexpected) / Double(max(1, $0.ended)), $0.ended) }
    }

    /// Adds the incomplete seconds at the end of a run.
    func complete() {
        state.withLock { state in
            for second in state.points.count..<state.seconds.count {
                state.points.append(state.seconds[second].count.point(second: second))
            }
        }
    }

    /// Adds a second of one loop; each loop reports its seconds in order.
    func add(_ count: SecondRecord, second: Int) {
        let point = state.withLock { state -> TimelinePoint? in
            while state.seconds.count <= second { state.seconds.append((SecondRecord(), 0)) }
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
