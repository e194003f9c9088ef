// The result of a run. The engine fills it, the text, JSON, CSV and HTML reports show it, and `clinic-load compare`
// reads it. Names and units are part of the JSON format, so they change only together with `format`.

/// The result of a run.
struct LoadReport: Codable, Sendable {
    /// The version of the JSON format.
    static let currentFormat = 2

    var format = LoadReport.currentFormat
    var run: RunFacts
    /// The steps of the load in order; most runs have one.
    var steps: [StepReport]
    /// One point per second of the run, including the warm-up.
    var timeline: [TimelinePoint]
    var generator: GeneratorReport
    /// The search for the greatest rate; nil without `--find-max`. With it, the other figures are those of its best
    /// trial.
    var search: SearchReport?
    /// The server's metrics; nil without `--metrics`.
    var server: ServerReport?
    /// The watchers' observations; nil without `--watchers`.
    var watchers: WatcherReport?
    /// The checks of the data after the run; empty if nothing was checked.
    var checks: [CheckResult]
    var assertions: [AssertionResult]
}

/// The conditions of the run, sufficient to repeat it.
struct RunFacts: Codable, Sendable {
    /// The arguments without tokens and passwords.
    var arguments: [String]
    var seed: UInt64
    /// The source revision of the program, or "unknown".
    var revision: String
    /// The start time, RFC 3339 in UTC.
    var started: String
    var address: String
    /// "book-and-pay" or "clinic.v1.DoctorService/ListDoctors".
    var workload: String
    var connections: Int
    var machine: MachineFacts
}

/// The machine that ran the generator.
struct MachineFacts: Codable, Sendable {
    var processor: String
    var cores: Int
    var memoryBytes: UInt64
    var system: String
}

/// The kind of load of a step.
enum LoadShape: Codable, Sendable, Equatable {
    /// Calls start on a schedule regardless of the server. The rate is in calls per second.
    case open(rate: Double, poisson: Bool)
    /// A constant number of calls in flight; the next call starts when one ends, so a slow server gets fewer calls.
    case closed(concurrency: Int)
}

/// The measurements of one step, without the warm-up.
struct StepReport: Codable, Sendable {
    var load: LoadShape
    var seconds: Double
    /// Calls that were due in the step.
    var scheduled: UInt64
    /// Those that were sent; the others waited in vain for a free connection.
    var sent: UInt64
    /// Those of them with a response, also after the end of the step.
    var answered: UInt64
    /// Those of them without one: sent = answered + open.
    var open: UInt64
    /// Responses with OK per second, received within the step.
    var throughput: Double
    var operations: [OperationReport]
    /// The total over all operations.
    var total: OperationReport
}

/// The results of one operation.
struct OperationReport: Codable, Sendable {
    /// "BookingService/BookAppointment"; "all" for the total.
    var name: String
    /// By the name of the status: "OK", "ALREADY_EXISTS", and "NO_ANSWER" for calls without a response.
    var statuses: [StatusReport]
    /// The response time from the scheduled start, over all statuses. In a closed loop equal to `service`.
    var response: Latency
    /// The service time from the actual send.
    var service: Latency
}

/// The results of one operation with one status.
struct StatusReport: Codable, Sendable {
    var status: String
    /// Whether the workload expects the status: a taken slot in a race is not an error.
    var expected: Bool
    var count: UInt64
    var response: Latency
}

/// A distribution of durations in microseconds with three significant digits.
struct Latency: Codable, Sendable {
    var count: UInt64
    var minimum: UInt64
    var mean: Double
    var maximum: UInt64
    /// 50, 75, 90, 95, 99, 99.9 and 99.99, in this order.
    var percentiles: [Percentile]
    /// The distribution for plots and comparisons: the percentile reached at each value, ascending in both.
    var curve: [Percentile]

    struct Percentile: Codable, Sendable, Equatable {
        /// 0 to 100.
        var percentile: Double
        var microseconds: UInt64
    }
}

/// One second of the run.
struct TimelinePoint: Codable, Sendable {
    /// Seconds since the start.
    var second: Int
    var warmUp: Bool
    /// The index of the step.
    var step: Int
    var sent: UInt64
    /// Responses by the name of the status.
    var statuses: [String: UInt64]
    /// Responses with a status that the workload does not expect.
    var errors: UInt64
    /// Response times of the calls that ended in this second, in microseconds.
    var median: UInt64
    var p99: UInt64
    var maximum: UInt64
    /// At the end of the second.
    var inFlight: Int
    /// The most at any moment of the second; missing in reports of older versions.
    var mostInFlight: Int?
}

/// The resources that the generator used, and whether it was the bottleneck.
struct GeneratorReport: Codable, Sendable {
    /// As a fraction of one core.
    var processorShare: Double
    var threads: Int
    var peakMemoryBytes: UInt64
    /// How late calls were sent after their scheduled start.
    var lateness: Latency
    /// Due calls that were queued because `--max-in-flight` was reached: the server, not the generator, was behind.
    var overflowed: UInt64
    /// Connections opened, including the first ones and those of `--churn`.
    var connectionsOpened: UInt64
    /// Connections that the generator did not close itself.
    var connectionsLost: UInt64
    /// nil, or why the figures say more about the generator than about the server.
    var saturated: String?
}

/// The server's metrics of the run: the difference between two readings of /metrics, and the last values of gauges.
struct ServerReport: Codable, Sendable {
    /// Whether the server was restarted during the run, which loses its earlier counts.
    var restarted: Bool
    /// As a fraction of one core.
    var processorShare: Double
    var residentMemoryBytes: UInt64
    var receivedBytes: UInt64
    var sentBytes: UInt64
    /// The total time in seconds that statements waited for a connection, by pool.
    var waitSeconds: [String: Double]
    /// The mean number of statements committed together, by pool.
    var statementsPerGroup: [String: Double]
    /// Failed calls by reason.
    var refused: [String: UInt64]
}

/// The observations of the watchers.
struct WatcherReport: Codable, Sendable {
    var watchers: Int
    /// The number of events received by all watchers.
    var events: UInt64
    /// The time from the acknowledgement of new bookings to their events.
    var lag: Latency
}

/// An invariant of the data, checked after the run.
struct CheckResult: Codable, Sendable {
    /// "no double booking".
    var name: String
    var passed: Bool
    /// What was checked and found.
    var detail: String
}

/// A bound that the user set with `--assert` or `--slo`.
struct AssertionResult: Codable, Sendable {
    /// "p99<50ms".
    var text: String
    var passed: Bool
    /// The actual value: "61.2 ms".
    var actual: String
}

/// The search of `--find-max`.
struct SearchReport: Codable, Sendable {
    /// The greatest rate in calls per second at which every `--slo` held; nil if there was none.
    var maximumRate: Double?
    /// The rate at which the generator was the limit however often it was tried; nil if the search has a conclusion.
    var inconclusiveRate: Double?
    /// The trials in order.
    var trials: [TrialReport]
}

/// One trial of a search.
struct TrialReport: Codable, Sendable {
    /// The rate in calls per second.
    var rate: Double
    var passed: Bool
    /// Answered with OK, per second.
    var throughput: Double
    var response: Latency
    /// The bounds of `--slo` and the actual values.
    var objectives: [AssertionResult]
    /// nil, or why the trial says more about the generator than about the server.
    var saturated: String?
}
