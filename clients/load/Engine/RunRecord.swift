// What one event loop has counted, and how that of several is put together. Nothing is shared while a run goes on: each
// loop fills its own record and gives it away at the end.

internal import Histogram
internal import TTRPC

/// Durations in microseconds, exact to three digits.
typealias Durations = Histogram<UInt64>

/// The ways in which calls end: one for each code, and one for those that nobody answered.
enum Outcome {
    /// The index of calls that were cut off.
    static let unanswered = StatusCode.allCases.count
    static let count = unanswered + 1

    /// The index of an answer's code; one that is not in google.rpc.Code is UNKNOWN.
    static func index(ofCode code: Int) -> Int {
        (0..<unanswered).contains(code) ? code : Int(StatusCode.unknown.rawValue)
    }

    static let names: [String] = {
        let codes = StatusCode.allCases.sorted { $0.rawValue < $1.rawValue }
        return codes.map(\.protoName) + ["NO_ANSWER"]
    }()
}

/// The answers of one operation.
struct OperationRecord: Sendable {
    /// By outcome, first those that were expected, then those that were not. From the scheduled start.
    private(set) var response = [Durations?](repeating: nil, count: 2 * Outcome.count)
    /// From the actual send.
    private(set) var service = Durations()

    mutating func add(_ outcome: Int, expected: Bool, response: UInt64, service: UInt64) {
        let index = expected ? outcome : outcome + Outcome.count
        if self.response[index] == nil { self.response[index] = Durations() }
        self.response[index]?.record(response)
        self.service.record(service)
    }

    mutating func add(_ other: OperationRecord) {
        service.add(other.service)
        for (index, durations) in other.response.enumerated() {
            guard let durations else { continue }
            if response[index] == nil { response[index] = Durations() }
            response[index]?.add(durations)
        }
    }

    /// All answers together, from the scheduled start.
    var allResponses: Durations {
        response.reduce(into: Durations()) { all, durations in
            if let durations { all.add(durations) }
        }
    }

    var count: UInt64 { service.totalCount }

    /// How many ended in a way that the workload did not expect.
    var unexpected: UInt64 {
        response[Outcome.count...].reduce(0) { $0 + ($1?.totalCount ?? 0) }
    }
}

/// What was counted in one step.
struct StepRecord: Sendable {
    var scheduled: UInt64 = 0
    var sent: UInt64 = 0
    /// Answers that came while the step lasted.
    var answered: UInt64 = 0
    /// Those of them that were OK.
    var succeeded: UInt64 = 0
    /// How long it lasted.
    var seconds = 0.0
    var operations: [OperationRecord]

    init(operations: Int) {
        self.operations = Array(repeating: OperationRecord(), count: operations)
    }

    /// Adds that of another loop in the same time.
    mutating func add(_ other: StepRecord) {
        scheduled += other.scheduled
        sent += other.sent
        answered += other.answered
        succeeded += other.succeeded
        seconds = max(seconds, other.seconds)
        for index in operations.indices { operations[index].add(other.operations[index]) }
    }

    /// Adds that of another time.
    mutating func append(_ other: StepRecord) {
        let total = seconds + other.seconds
        add(other)
        seconds = total
    }

    /// All operations together.
    var total: OperationRecord {
        operations.reduce(into: OperationRecord()) { $0.add($1) }
    }

    /// Answered with OK, per second.
    var throughput: Double { seconds > 0 ? Double(succeeded) / seconds : 0 }
}

/// What one event loop brings home, or all of them.
struct RunRecord: Sendable {
    var operations: [String]
    var steps: [StepRecord]
    var lateness = Durations()
    var overflowed: UInt64 = 0
    var connectionsOpened: UInt64 = 0
    var connectionsLost: UInt64 = 0
    /// The greatest share of a core that a loop took while the calls were measured.
    var loopShare = 0.0

    mutating func add(_ other: RunRecord) {
        for index in steps.indices { steps[index].add(other.steps[index]) }
        lateness.add(other.lateness)
        overflowed += other.overflowed
        connectionsOpened += other.connectionsOpened
        connectionsLost += other.connectionsLost
        loopShare = max(loopShare, other.loopShare)
    }

    /// All steps together.
    var whole: StepRecord {
        steps.dropFirst().reduce(into: steps.first ?? StepRecord(operations: operations.count)) {
            whole, step in
            whole.append(step)
        }
    }
}
