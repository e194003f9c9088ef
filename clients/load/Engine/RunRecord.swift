// The records of event loops and how they are merged. Loops share nothing during a run: each fills its own record
// and delivers it at the end.

internal import Histogram
internal import RPC

/// A histogram of durations in microseconds with three significant digits.
typealias DurationHistogram = Histogram<UInt64>

/// The outcomes of calls: one per status code, and one for calls without a response.
enum CallOutcome {
    /// The index of calls without a response.
    static let unanswered = StatusCode.allCases.count
    static let count = unanswered + 1

    /// The index of a status code; a number that is not in google.rpc.Code counts as UNKNOWN.
    static func index(ofCode code: Int) -> Int {
        (0..<unanswered).contains(code) ? code : Int(StatusCode.unknown.rawValue)
    }

    static let names: [String] = {
        let codes = StatusCode.allCases.sorted { $0.rawValue < $1.rawValue }
        return codes.map(\.protoName) + ["NO_ANSWER"]
    }()
}

/// The results of one operation.
struct OperationRecord: Sendable {
    /// Response times from the scheduled start, by outcome: first expected, then unexpected outcomes.
    private(set) var response = [DurationHistogram?](repeating: nil, count: 2 * CallOutcome.count)
    /// Service times from the actual send.
    private(set) var service = DurationHistogram()

    mutating func add(_ outcome: Int, expected: Bool, response: UInt64, service: UInt64) {
        let index = expected ? outcome : outcome + CallOutcome.count
        if self.response[index] == nil { self.response[index] = DurationHistogram() }
        self.response[index]?.record(response)
        self.service.record(service)
    }

    mutating func add(_ other: OperationRecord) {
        service.add(other.service)
        for (index, durations) in other.response.enumerated() {
            guard let durations else { continue }
            if response[index] == nil { response[index] = DurationHistogram() }
            response[index]?.add(durations)
        }
    }

    /// The response times of all outcomes, from the scheduled start.
    var allResponses: DurationHistogram {
        response.reduce(into: DurationHistogram()) { all, durations in
            if let durations { all.add(durations) }
        }
    }

    var count: UInt64 { service.totalCount }

    /// How many calls had a response.
    var answered: UInt64 {
        let unanswered = [CallOutcome.unanswered, CallOutcome.unanswered + CallOutcome.count]
        return count - unanswered.reduce(0) { $0 + (response[$1]?.totalCount ?? 0) }
    }

    /// How many calls had an outcome that the workload does not expect.
    var unexpected: UInt64 {
        response[CallOutcome.count...].reduce(0) { $0 + ($1?.totalCount ?? 0) }
    }
}

/// The record of one step.
struct StepRecord: Sendable {
    var scheduled: UInt64 = 0
    var sent: UInt64 = 0
    /// Responses with OK received during the step.
    var succeeded: UInt64 = 0
    /// The duration in seconds.
    var seconds = 0.0
    var operations: [OperationRecord]

    init(operations: Int) {
        self.operations = Array(repeating: OperationRecord(), count: operations)
    }

    /// Adds the record of another loop for the same time.
    mutating func add(_ other: StepRecord) {
        scheduled += other.scheduled
        sent += other.sent
        succeeded += other.succeeded
        seconds = max(seconds, other.seconds)
        for index in operations.indices { operations[index].add(other.operations[index]) }
    }

    /// Adds the record of another time.
    mutating func append(_ other: StepRecord) {
        let total = seconds + other.seconds
        add(other)
        seconds = total
    }

    /// The sum over all operations.
    var total: OperationRecord {
        operations.reduce(into: OperationRecord()) { $0.add($1) }
    }

    /// How many calls of the step had a response, also after its end.
    var answered: UInt64 { operations.reduce(0) { $0 + $1.answered } }

    /// How many calls of the step were sent and had no response.
    var open: UInt64 { sent - min(sent, answered) }

    /// Responses with OK per second.
    var throughput: Double { seconds > 0 ? Double(succeeded) / seconds : 0 }
}

/// The record of one event loop, or of all.
struct RunRecord: Sendable {
    var operations: [String]
    var steps: [StepRecord]
    var lateness = DurationHistogram()
    var overflowed: UInt64 = 0
    var connectionsOpened: UInt64 = 0
    var connectionsLost: UInt64 = 0
    /// The greatest share of a core that a loop used during the measurement.
    var loopShare = 0.0

    mutating func add(_ other: RunRecord) {
        for index in steps.indices { steps[index].add(other.steps[index]) }
        lateness.add(other.lateness)
        overflowed += other.overflowed
        connectionsOpened += other.connectionsOpened
        connectionsLost += other.connectionsLost
        loopShare = max(loopShare, other.loopShare)
    }

    /// The sum over all steps.
    var whole: StepRecord {
        steps.dropFirst().reduce(into: steps.first ?? StepRecord(operations: operations.count)) {
            whole, step in
            whole.append(step)
        }
    }
}
