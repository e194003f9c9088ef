// The wording shared by all report formats: titles of loads, latency columns, verdicts.

extension Latency {
    /// The latency in microseconds at one of the stored percentiles; nil without calls.
    func at(_ percentile: Double) -> UInt64? {
        count == 0 ? nil : percentiles.first { $0.percentile == percentile }?.microseconds
    }

    /// The latency as text; "-" without calls.
    func text(at percentile: Double) -> String {
        at(percentile).map { durationText(microseconds: $0) } ?? "-"
    }

    /// The maximum as text.
    var maximumText: String { count == 0 ? "-" : durationText(microseconds: maximum) }

    /// The columns of tables: p50, p90, p99, p99.9 and the maximum.
    static let columnTitles = ["p50", "p90", "p99", "p99.9", "max"]
    var columns: [String] { [50, 90, 99, 99.9].map(text(at:)) + [maximumText] }

    /// The columns with a mark on each percentile that too few calls stand behind.
    var markedColumns: [String] { [50, 90, 99, 99.9].map(markedText(at:)) + [maximumText] }

    static let markMeaning = "* fewer than ten calls took longer, so another run may differ by much"

    /// The latency with a mark if fewer than ten calls are beyond the percentile.
    func markedText(at percentile: Double) -> String {
        let beyond = Double(count) * (100 - percentile) / 100
        return text(at: percentile) + (count > 0 && beyond < 10 ? " *" : "")
    }
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

    /// The warning about the latencies of a closed loop.
    static let closedLoopWarning =
        "A closed loop sends a slow server fewer calls, so these latencies omit the wait of calls that were not sent"
        + " (coordinated omission). Use --rate to measure what callers would wait."
}

extension OperationReport {
    var count: UInt64 { statuses.reduce(0) { $0 &+ $1.count } }
    /// The number of calls with an unexpected status.
    var errorCount: UInt64 { statuses.reduce(0) { $1.expected ? $0 : $0 &+ $1.count } }
}

extension StepReport {
    /// "open loop, 2,000/s, evenly spaced arrivals, for 30.0 s".
    var title: String { "\(load.text), for \(durationText(microseconds: seconds * 1e6))" }

    /// The number of calls in one line.
    var outcome: String {
        "\(countText(scheduled)) scheduled, \(countText(sent)) sent, \(countText(answered)) answered, "
            + "\(countText(open)) open;"
            + " \(Rate(perSecond: throughput).text) answered with OK"
    }

    /// A count divided by the measured time.
    func rate(of count: UInt64) -> String {
        seconds > 0 ? Rate(perSecond: Double(count) / seconds).text : "-"
    }

    /// All operations, followed by the total if there are several.
    var rows: [OperationReport] { operations.count == 1 ? operations : operations + [total] }
}

extension GeneratorReport {
    /// Whether the generator was the bottleneck, in a sentence.
    var verdict: String {
        saturated.map { "The generator was the bottleneck: \($0)" } ?? "The generator was not the bottleneck."
    }

    /// The resources that the generator used.
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
    /// The result in a sentence.
    var verdict: String {
        let limit = inconclusiveRate.map {
            "at \(Rate(perSecond: $0).text) the generator was the limit: use more --threads or another machine"
        }
        return switch (maximumRate.map { Rate(perSecond: $0).text }, limit) {
        case (let rate?, nil):
            "The greatest rate at which --slo held is \(rate); the figures are from its trial."
        case (let rate?, let limit?):
            "Inconclusive: --slo held at \(rate), and \(limit). The figures are from the trial at \(rate)."
        case (nil, let limit?): "Inconclusive: \(limit). The figures are from the last trial."
        case (nil, nil): "There was no rate at which --slo held; the figures are from the last trial."
        }
    }

    /// The columns of `rows`.
    static let columnTitles = ["Rate", "Answered", "p50", "p99", "Objectives", "Verdict"]

    /// One line per trial in order; with `titles`, preceded by upper-case column titles.
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
    /// The result in a few words.
    var verdict: String {
        passed ? "holds" : saturated == nil ? "fails" : "the generator is the limit"
    }
}

extension ServerReport {
    /// The server's metrics, one per line.
    var facts: [(String, String)] {
        var facts = [
            ("Processor", "\(significant(processorShare)) cores"),
            ("Memory", "\(bytesText(residentMemoryBytes)) resident at the end"),
            ("Received", bytesText(receivedBytes)), ("Sent", bytesText(sentBytes)),
        ]
        for (pool, seconds) in waitSeconds.sorted(by: { $0.key < $1.key }) {
            facts.append(
                (
                    "Waited for \(pool)",
                    "\(durationText(microseconds: seconds * 1e6)) in total"
                ))
        }
        for (pool, count) in statementsPerGroup.sorted(by: { $0.key < $1.key }) {
            facts.append(("Batch of \(pool)", "\(significant(count)) statements on average"))
        }
        for (reason, count) in refused.sorted(by: { $0.key < $1.key }) {
            facts.append(("Refused", "\(countText(count)) \(reason)"))
        }
        if restarted { facts.append(("Restarted", "during the run; counts before the restart are lost")) }
        return facts
    }
}

extension WatcherReport {
    /// The watchers' observations, one per line.
    var facts: [(String, String)] {
        [
            ("Watchers", "\(watchers), \(countText(events)) events"),
            (
                "Event delay",
                "\(lag.text(at: 50)) (p50), \(lag.text(at: 99)) (p99), \(lag.maximumText) (max), for new bookings"
            ),
        ]
    }
}

extension RunFacts {
    /// The conditions of the run, one per line.
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
