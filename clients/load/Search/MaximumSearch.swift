// `--find-max`: runs trials until the greatest rate is known at which the objectives hold.

/// A search for the greatest rate.
struct MaximumSearch {
    let generator: LoadGenerator
    let plan: LoadPlan
    let objectives: [Assertion]

    /// The longest drain time of a trial in seconds; a trial that needs more has failed anyway.
    private static let longestDrain = 2.0

    /// The result, and the run to report: the best that passed, or the last if none passed.
    struct Result {
        var report: SearchReport
        var run: LoadRun
    }

    /// Runs the trials; `announce` is called with one line per trial.
    func run(
        announce: (String) -> Void, second: @escaping @Sendable (TimelinePoint) -> Void
    ) async throws -> Result {
        guard case .open(let stages, let kind) = plan.load, let stage = stages.first else {
            throw LoadFailure("--find-max searches for a rate; omit --concurrency", .usage)
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
            search.add(trial.outcome)
        }
        guard let best else { throw LoadFailure("no trial was made") }
        return Result(
            report: SearchReport(
                maximumRate: search.passed, inconclusiveRate: search.inconclusive, trials: trials), run: best)
    }

    private func trial(_ rate: Double, _ run: LoadRun) -> TrialReport {
        let results = objectives.map { $0.result(run.record) }
        return TrialReport(
            rate: rate,
            passed: run.abortReason == nil && run.saturated == nil && results.allSatisfy(\.passed),
            throughput: run.record.whole.throughput, response: Latency(run.record.whole.total.allResponses),
            objectives: results, saturated: run.saturated)
    }

    private static func line(_ trial: TrialReport) -> String {
        let results = trial.objectives.map { "\($0.text): \($0.actual)" }.joined(separator: ", ")
        return "\(Rate(perSecond: trial.rate).text): \(Rate(perSecond: trial.throughput).text) answered, "
            + "\(results): \(trial.verdict)"
    }
}

extension TrialReport {
    /// What the trial says about the server.
    fileprivate var outcome: RateSearch.Outcome {
        saturated != nil ? .limitedByGenerator : passed ? .passed : .failed
    }
}
