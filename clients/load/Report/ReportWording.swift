// What the reports of every form say in the same words: titles of loads, figures of a distribution, verdicts.

extension Latency {
    /// The microseconds at one of the percentiles that are kept; nil without any answer.
    func at(_ percentile: Double) -> UInt64? {
        count == 0 ? nil : percentiles.first { $0.percentile == percentile }?.microseconds
    }

    /// The same as text; "-" where there is none.
    func text(at percentile: Double) -> String {
        at(percentile).map { durationText(microseconds: $0) } ?? "-"
    }

    /// The longest as text.
    var maximumText: String { count == 0 ? "-" : durationText(microseconds: maximum) }

    /// The columns that tables show: p50, p90, p99, p99.9 and the maximum.
    static let columnTitles = ["p50", "p90", "p99", "p99.9", "max"]
    var columns: [String] { [50, 90, 99, 99.9].map(text(at:)) + [maximumText] }
}

extension LoadShape {
    var isOpen: Bool {
        if case .open = self { true } else { false }
    }

    /// "open loop, 2,000/s, Poisson arrivals".
    var text: String {
        switch self {
        case .open(let rate, let poisson):
            "open loop, \(Rate(perSecond: rate).text), \(poisson ? "Poisson" : "evenly spaced") arrivals"
        case .closed(let concurrency): "closed loop, \(countText(UInt64(max(0, concurrency)))) in flight"
        }
    }

    /// What must be known of a closed loop's latencies.
    static let closedLoopWarning =
        "A closed loop asks a slow server less: these latencies leave out the waiting of calls that were not begun"
        + " (coordinated omission). Use --rate to measure what callers would wait."
}

extension OperationReport {
    var count: UInt64 { statuses.reduce(0) { $0 &+ $1.count } }
    /// Those that the workload does not expect.
    var errorCount: UInt64 { statuses.reduce(0) { $1.expected ? $0 : $0 &+ $1.count } }
}

extension StepReport {
    /// "open loop, 2,000/s, evenly spaced arrivals, for 30.0 s".
    var title: String { "\(load.text), for \(durationText(microseconds: seconds * 1e6))" }

    /// What came of the calls, in one line.
    var outcome: String {
        "\(countText(scheduled)) to begin, \(countText(sent)) sent, \(countText(answered)) answered;"
            + " \(Rate(perSecond: throughput).text) answered with OK"
    }

    /// So many in the measured time, per second.
    func rate(of count: UInt64) -> String {
        seconds > 0 ? Rate(perSecond: Double(count) / seconds).text : "-"
    }

    /// All operations, and the total behind them unless there is only one.
    var rows: [OperationReport] { operations.count == 1 ? operations : operations + [total] }
}

extension GeneratorReport {
    /// Whether the figures can be trusted, in a sentence.
    var verdict: String {
        saturated.map { "The generator was the bottleneck: \($0)" } ?? "The generator was not the bottleneck."
    }

    /// What it cost.
    var facts: [(String, String)] {
        var facts = [
            (
                "Processor",
                "\(significant(processorShare)) cores, \(threads) \(threads == 1 ? "thread" : "threads")"
            ),
            ("Memory", "\(bytesText(peakMemoryBytes)) at most"),
        ]
        if lateness.count > 0 {
            facts.append(
                (
                    "Sent late by",
                    "\(lateness.text(at: 50)) (p50), \(lateness.text(at: 99)) (p99), \(lateness.maximumText) (max)"
                ))
        }
        if overflowed > 0 {
            facts.append(("Not sent", "\(countText(overflowed)) calls: too many were in flight"))
        }
        return facts
    }
}

extension SearchReport {
    /// What was found, in a sentence.
    var verdict: String {
        maximumRate.map {
            "The greatest rate at which --slo held is \(Rate(perSecond: $0).text); the figures are those of its trial."
        } ?? "There was no rate at which --slo held; the figures are those of the last trial."
    }

    /// The columns of `rows`.
    static let columnTitles = ["Rate", "Answered", "p50", "p99", "Objectives", "Verdict"]

    /// A line for each trial, in the order in which they were made; above them, if asked for, the titles as in a
    /// terminal.
    func rows(titles: Bool = false) -> [[String]] {
        let rows = trials.map { trial in
            [
                Rate(perSecond: trial.rate).text, Rate(perSecond: trial.throughput).text,
                trial.response.text(at: 50), trial.response.text(at: 99),
                trial.objectives.map { "\($0.text): \($0.actual)" }.joined(separator: ", "), trial.verdict,
            ]
        }
        return (titles ? [Self.columnTitles.map { $0.uppercased() }] : []) + rows
    }
}

extension TrialReport {
    /// What came of it, in a word or so.
    var verdict: String {
        passed ? "holds" : saturated == nil ? "fails" : "the generator is the limit"
    }
}

extension ServerReport {
    /// What it says, line by line.
    var facts: [(String, String)] {
        var facts = [
            ("Processor", "\(significant(processorShare)) cores"),
            ("Memory", "\(bytesText(residentMemoryBytes)) resident at the end"),
            ("Received", bytesText(receivedBytes)), ("Sent", bytesText(sentBytes)),
        ]
        for (lane, seconds) in waitSeconds.sorted(by: { $0.key < $1.key }) {
            facts.append(
                (
                    "Waited for \(lane)",
                    "\(durationText(microseconds: seconds * 1e6)), all statements together"
                ))
        }
        for (lane, count) in statementsPerGroup.sorted(by: { $0.key < $1.key }) {
            facts.append(("Group of \(lane)", "\(significant(count)) statements on average"))
        }
        for (reason, count) in refused.sorted(by: { $0.key < $1.key }) {
            facts.append(("Refused", "\(countText(count)) \(reason)"))
        }
        if restarted { facts.append(("Restarted", "during the run: what it had counted before is lost")) }
        return facts
    }
}

extension WatcherReport {
    /// What they saw, line by line.
    var facts: [(String, String)] {
        [
            ("Watchers", "\(watchers), \(countText(events)) events"),
            (
                "Behind the answer",
                "\(lag.text(at: 50)) (p50), \(lag.text(at: 99)) (p99), \(lag.maximumText) (max), of new bookings"
            ),
        ]
    }
}

extension RunFacts {
    /// Under what the run took place, line by line.
    var facts: [(String, String)] {
        [
            ("Workload", workload), ("Address", "\(address), \(connections) connections"),
            ("Started", started),
            ("Seed", String(seed)), ("Revision", revision), ("Machine", machine.text),
            ("Arguments", arguments.joined(separator: " ")),
        ]
    }
}

extension MachineFacts {
    /// "AMD EPYC 7763, 2 cores, 7.8 GiB, Linux 6.1 x86_64".
    var text: String { "\(processor), \(cores) cores, \(bytesText(memoryBytes)), \(system)" }
}
