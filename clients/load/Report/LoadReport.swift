// What a run found: the one value that the engine fills, that text, JSON, CSV and HTML show, and that `clinic-load
// compare` reads back. Names and units are part of the JSON form, so they change only together with `format`.

/// The result of a run.
struct LoadReport: Codable, Sendable {
    /// The version of the JSON form.
    static let currentFormat = 1

    var format = LoadReport.currentFormat
    var run: RunFacts
    /// The steps of the load, one after another; most runs have one.
    var steps: [StepReport]
    /// One point for each second of the run, warm-up included.
    var timeline: [TimelinePoint]
    var generator: GeneratorReport
    /// How the greatest rate was found; nil without `--find-max`. The other figures are then those of its best trial.
    var search: SearchReport?
    /// What the server told of itself; nil without `--metrics`.
    var server: ServerReport?
    /// What `--watchers` saw; nil without.
    var watchers: WatcherReport?
    /// What was found in the data afterwards; empty where nothing was checked.
    var checks: [CheckResult]
    var assertions: [AssertionResult]
}

/// Under what the run took place: enough to repeat it.
struct RunFacts: Codable, Sendable {
    /// The arguments as they were given, without tokens and passwords.
    var arguments: [String]
    var seed: UInt64
    /// The revision of the source that the program was built from, or "unknown".
    var revision: String
    /// When it began, in RFC 3339, UTC.
    var started: String
    var address: String
    /// "book-and-pay" or "clinic.v1.DoctorService/ListDoctors".
    var workload: String
    var connections: Int
    var machine: MachineFacts
}

/// Where the generator ran.
struct MachineFacts: Codable, Sendable {
    var processor: String
    var cores: Int
    var memoryBytes: UInt64
    var system: String
}

/// How the load of a step came about.
enum LoadShape: Codable, Sendable, Equatable {
    /// Calls begin on a schedule, whatever the server does. Calls per second.
    case open(rate: Double, poisson: Bool)
    /// So many calls are in flight; the next begins when one ends, so a slow server is asked less.
    case closed(concurrency: Int)
}

/// What was measured while the load had one shape; warm-up is left out.
struct StepReport: Codable, Sendable {
    var load: LoadShape
    var seconds: Double
    /// Calls that were to begin, that did, and that were answered in the measured time.
    var scheduled: UInt64
    var sent: UInt64
    var answered: UInt64
    /// Answered with OK, per second.
    var throughput: Double
    var operations: [OperationReport]
    /// All operations together.
    var total: OperationReport
}

/// One operation's answers.
struct OperationReport: Codable, Sendable {
    /// "BookingService/BookAppointment"; "all" for the total.
    var name: String
    /// By the name of the code: "OK", "ALREADY_EXISTS", and "NO_ANSWER" for calls that were cut off.
    var statuses: [StatusReport]
    /// From the moment a call was to begin, all answers together. In a closed loop the same as `service`.
    var response: Latency
    /// From the moment it was sent.
    var service: Latency
}

/// One operation's answers of one code.
struct StatusReport: Codable, Sendable {
    var status: String
    /// Whether the workload expects it: a taken slot in a race is no error.
    var expected: Bool
    var count: UInt64
    var response: Latency
}

/// A distribution of durations, in microseconds, exact to three digits.
struct Latency: Codable, Sendable {
    var count: UInt64
    var minimum: UInt64
    var mean: Double
    var maximum: UInt64
    /// 50, 75, 90, 95, 99, 99.9 and 99.99, in this order.
    var percentiles: [Percentile]
    /// The distribution itself, for plots and comparisons: the percentile reached at each value, growing in both.
    var curve: [Percentile]

    struct Percentile: Codable, Sendable, Equatable {
        /// 0 to 100.
        var percentile: Double
        var microseconds: UInt64
    }
}

/// One second of the run.
struct TimelinePoint: Codable, Sendable {
    /// Since the beginning.
    var second: Int
    var warmUp: Bool
    /// The index of the step.
    var step: Int
    var sent: UInt64
    /// Answered, by the name of the code.
    var statuses: [String: UInt64]
    /// Those among them that the workload does not expect.
    var errors: UInt64
    /// Response times of what was answered in this second, in microseconds.
    var median: UInt64
    var p99: UInt64
    var maximum: UInt64
    var inFlight: Int
}

/// What the generator itself cost, and whether it was the bottleneck.
struct GeneratorReport: Codable, Sendable {
    /// Of one core, 1 is all of it.
    var processorShare: Double
    var threads: Int
    var peakMemoryBytes: UInt64
    /// How late calls were sent after they were to begin.
    var lateness: Latency
    /// Calls that were to begin and found `--max-in-flight` reached: the server was behind, not the generator.
    var overflowed: UInt64
    /// Connections that were opened, the first ones and those of `--churn` included.
    var connectionsOpened: UInt64
    /// Connections that ended although nobody here closed them.
    var connectionsLost: UInt64
    /// nil, or why the figures say more about the generator than about the server.
    var saturated: String?
}

/// What the server's own metrics say of the run: the difference of two readings of /metrics, and the last reading.
struct ServerReport: Codable, Sendable {
    /// Whether it was started again during the run: what it counted before that is lost.
    var restarted: Bool
    /// Of one core.
    var processorShare: Double
    var residentMemoryBytes: UInt64
    var receivedBytes: UInt64
    var sentBytes: UInt64
    /// Seconds that statements waited for a connection, in all, by lane.
    var waitSeconds: [String: Double]
    /// Statements in each group that was committed together, on average, by lane.
    var statementsPerGroup: [String: Double]
    /// Failures by reason.
    var refused: [String: UInt64]
}

/// What those saw who watched the bookings.
struct WatcherReport: Codable, Sendable {
    var watchers: Int
    /// That reached them, all together.
    var events: UInt64
    /// Of new bookings, from the acknowledgement to the event.
    var lag: Latency
}

/// Something that must hold in the data after the run.
struct CheckResult: Codable, Sendable {
    /// "no double booking".
    var name: String
    var passed: Bool
    /// What was looked at and what was found.
    var detail: String
}

/// A bound that the user set with `--assert` or `--slo`.
struct AssertionResult: Codable, Sendable {
    /// "p99<50ms".
    var text: String
    var passed: Bool
    /// What it was: "61.2 ms".
    var actual: String
}

/// The search of `--find-max`.
struct SearchReport: Codable, Sendable {
    /// The greatest rate, in calls per second, at which all of `--slo` held; nil if there was none.
    var maximumRate: Double?
    /// In the order in which they were made.
    var trials: [TrialReport]
}

/// One trial of a search.
struct TrialReport: Codable, Sendable {
    /// Calls per second.
    var rate: Double
    var passed: Bool
    /// Answered with OK, per second.
    var throughput: Double
    var response: Latency
    /// What `--slo` asked for and what it was.
    var objectives: [AssertionResult]
    /// nil, or why the trial says more about the generator than about the server.
    var saturated: String?
}
