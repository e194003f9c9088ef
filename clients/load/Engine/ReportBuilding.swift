// Builds reports from records.

internal import Histogram

extension Latency {
    /// The percentiles in every report.
    static let reportedPercentiles = [50, 75, 90, 95, 99, 99.9, 99.99]

    /// Summarises a histogram in microseconds.
    init(_ durations: DurationHistogram) {
        let isEmpty = durations.totalCount == 0
        self.init(
            count: durations.totalCount, minimum: isEmpty ? 0 : durations.min,
            mean: isEmpty ? 0 : durations.mean, maximum: isEmpty ? 0 : durations.max,
            percentiles: Self.reportedPercentiles.map {
                Percentile(percentile: $0, microseconds: isEmpty ? 0 : durations.valueAtPercentile($0))
            },
            curve: isEmpty
                ? []
                : durations.percentiles(ticksPerHalfDistance: 5).map {
                    Percentile(percentile: $0.percentile, microseconds: $0.value)
                })
    }
}

extension OperationReport {
    init(_ name: String, _ record: OperationRecord) {
        var statuses: [StatusReport] = []
        for (index, durations) in record.response.enumerated() {
            guard let durations else { continue }
            statuses.append(
                StatusReport(
                    status: CallOutcome.names[index % CallOutcome.count], expected: index < CallOutcome.count,
                    count: durations.totalCount, response: Latency(durations)))
        }
        self.init(
            name: name, statuses: statuses, response: Latency(record.allResponses),
            service: Latency(record.service))
    }
}

extension StepReport {
    init(_ record: StepRecord, _ load: LoadShape, _ operations: [String]) {
        let called = zip(operations, record.operations).filter { $0.1.count > 0 }
        self.init(
            load: load, seconds: record.seconds, scheduled: record.scheduled, sent: record.sent,
            answered: record.answered, open: record.open, throughput: record.throughput,
            operations: called.map { OperationReport($0.0, $0.1) },
            total: OperationReport("all", record.total))
    }
}

extension LoadRun {
    /// A loop above this share of a core cannot send calls on time.
    private static let busyShare = 0.9
    /// The tolerated lateness of calls that could be sent, in microseconds.
    private static let tolerableLateness: UInt64 = 10_000

    /// Why the generator was the bottleneck; nil if it was not.
    var saturated: String? {
        if record.loopShare > Self.busyShare {
            return "an event loop of the generator was busy for \(Share(record.loopShare).text) of the time: "
                + "use more --threads or a separate machine"
        }
        let lateness = record.lateness.totalCount > 0 ? record.lateness.valueAtPercentile(99) : 0
        if lateness > Self.tolerableLateness {
            return
                "1 % of the calls were sent at least \(durationText(microseconds: lateness)) late despite free "
                + "capacity: the generator's machine is overloaded"
        }
        return nil
    }

    /// The report without the server's metrics and the checks, which are added later.
    func report(_ facts: RunFacts, assertions: [AssertionResult] = [], search: SearchReport? = nil)
        -> LoadReport
    {
        LoadReport(
            run: facts, steps: zip(record.steps, plan.shapes).map { StepReport($0, $1, record.operations) },
            timeline: timeline,
            generator: GeneratorReport(
                processorShare: processorShare, threads: plan.threads,
                peakMemoryBytes: LoadGenerator.peakMemoryBytes, lateness: Latency(record.lateness),
                overflowed: record.overflowed, connectionsOpened: record.connectionsOpened,
                connectionsLost: record.connectionsLost, saturated: saturated),
            search: search, server: nil, checks: [], assertions: assertions)
    }
}
