// `--find-max`: trial after trial until the greatest rate is known at which the objectives hold.

/// A search and what it found.
struct MaximumSearch {
    let generator: LoadGenerator
    let plan: LoadPlan
    let objectives: [Assertion]

    /// A trial that is behind need not be waited for longer than this, in seconds.
    private static let longestDrain = 2.0

    /// What was found, and the run to show: the best that passed, or the last if none did.
    struct Result {
        var report: SearchReport
        var run: LoadRun
    }

    /// Makes the trials; `announce` gets a line for each.
    func run(
        announce: (String) -> Void, second: @escaping @Sendable (TimelinePoint) -> Void
    ) async throws -> Result {
        guard case .open(let stages, let kind) = plan.load, let stage = stages.first else {
            throw LoadFailure("--find-max looks for a rate: leave --concurrency out", .usage)
        }
        var search = RateSearch(start: stage.firstRate)
        var trials: [TrialReport] = []
        var best: LoadRun?
        while let rate = search.next, !generator.isInterrupted {
            var plan = plan
            plan.load = .open([.steady(rate: rate, seconds: stage.seconds)], kind)
            plan.drain = min(plan.drain, Self.longestDrain)
            let run = try await generator.run(plan, report: second)
            let trial = trial(rate, run)
            trials.append(trial)
            announce(Self.line(trial))
            if trial.passed || search.passed == nil { best = run }
            search.add(passed: trial.passed)
        }
        guard let best else { throw LoadFailure("no trial was made") }
        return Result(report: SearchReport(maximumRate: search.passed, trials: trials), run: best)
    }

    private func trial(_ rate: Double, _ run: LoadRun) -> TrialReport {
        let results = objectives.map { $0.result(run.record) }
        return TrialReport(
            rate: rate, passed: run.givenUp == nil && run.saturated == nil && results.allSatisfy(\.passed),
            throughput: run.record.whole.throughput, response: Latency(run.record.whole.total.allResponses),
            objectives: results, saturated: run.saturated)
    }

    private static func line(_ trial: TrialReport) -> String {
        let results = trial.objectives.map { "\($0.text): \($0.actual)" }.joined(separator: ", ")
        return "\(Rate(perSecond: trial.rate).text): \(Rate(perSecond: trial.throughput).text) answered, "
            + "\(results): \(trial.verdict)"
    }
}
