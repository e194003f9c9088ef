// From what was counted to what is reported.

internal import Histogram

extension Latency {
    /// The percentiles that every report has.
    static let reportedPercentiles = [50, 75, 90, 95, 99, 99.9, 99.99]

    /// Of a histogram in microseconds.
    init(_ durations: Durations) {
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
                    status: Outcome.names[index % Outcome.count], expected: index < Outcome.count,
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
            answered: record.answered, throughput: record.throughput,
            operations: called.map { OperationReport($0.0, $0.1) },
            total: OperationReport("all", record.total))
    }
}

extension LoadRun {
    /// A loop that works more than this has no time left to be punctual.
    private static let busyShare = 0.9
    /// Calls that could be sent are to be sent within this time, in microseconds.
    private static let tolerableLateness: UInt64 = 10_000

    /// Why the figures say more about the generator than about the server; nil if they do not.
    var saturated: String? {
        if record.loopShare > Self.busyShare {
            return "an event loop of the generator was busy for \(Share(record.loopShare).text) of the time: "
                + "give it more --threads, or a machine of its own"
        }
        let lateness = record.lateness.totalCount > 0 ? record.lateness.valueAtPercentile(99) : 0
        if lateness > Self.tolerableLateness {
            return
                "one call in a hundred was sent \(durationText(microseconds: lateness)) late or more though "
                + "there was room for it: the generator's machine has too little time for it"
        }
        return nil
    }

    /// The report without what others add: the server's metrics and the checks.
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
