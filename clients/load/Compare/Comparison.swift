// Compares two reports. Each figure has a tolerance band, and a change counts only if the bands of the two reports
// do not overlap. The band covers the statistical error for the number of calls (three standard errors; for a
// percentile the values that many ranks below and above it), widened by the variation within the run: the measured
// seconds are divided into ten parts, and the middle eight of the parts' medians give the relative variation of
// throughput, p50 and p99. A run of fewer than five seconds is too short to measure this, and then no change
// counts.

/// The changes between two reports.
struct Comparison {
    /// One figure of both reports.
    struct Row {
        enum Verdict: String {
            case same = "within noise"
            case better
            case worse = "WORSE"
        }

        /// The step's number, from 1.
        var step: Int
        var operation: String
        /// "throughput", "p99", "errors".
        var figure: String
        var before: Double
        var after: Double
        var beforeText: String
        var afterText: String
        var verdict: Verdict

        /// The relative change; 0 if equal.
        var change: Double {
            if before == after { return 0 }
            return before == 0 ? .infinity : (after - before) / before
        }
    }

    private(set) var rows: [Row] = []
    /// Differences that limit the comparison.
    private(set) var notes: [String] = []

    init(_ before: LoadReport, _ after: LoadReport) {
        note(before, after)
        for (index, pair) in zip(before.steps, after.steps).enumerated() {
            let variation = (Variation(before, step: index), Variation(after, step: index))
            if variation.0 == nil || variation.1 == nil {
                notes.append("step \(index + 1) was measured for fewer than 5 seconds: no change counts")
            }
            let operations = pair.1.rows.map(\.name)
            for operation in pair.0.rows {
                guard let other = pair.1.rows.first(where: { $0.name == operation.name }) else {
                    notes.append("only the first has \(operation.name)")
                    continue
                }
                compare(
                    OperationFigures(operation, pair.0, variation.0),
                    OperationFigures(other, pair.1, variation.1),
                    step: index + 1)
            }
            for name in operations where !pair.0.rows.contains(where: { $0.name == name }) {
                notes.append("only the second has \(name)")
            }
        }
    }

    /// The figures that got worse beyond noise by more than a share.
    func worse(by share: Share) -> [Row] { Self.worse(rows, by: share) }

    static func worse(_ rows: [Row], by share: Share) -> [Row] {
        rows.filter { $0.verdict == .worse && $0.change.magnitude > share.fraction }
    }

    private mutating func note(_ before: LoadReport, _ after: LoadReport) {
        let facts = zip(before.run.facts, after.run.facts).filter {
            ["Workload", "Address", "Machine"].contains($0.0.0) && $0.0.1 != $0.1.1
        }
        for (first, second) in facts {
            notes.append("\(first.0.lowercased()) differs: \(first.1) | \(second.1)")
        }
        if before.steps.count != after.steps.count {
            notes.append(
                "\(before.steps.count) and \(after.steps.count) steps: only the first ones are compared")
        }
        for (index, pair) in zip(before.steps, after.steps).enumerated() where pair.0.load != pair.1.load {
            notes.append("step \(index + 1) differs: \(pair.0.load.text) | \(pair.1.load.text)")
        }
        for (name, report) in [("first", before), ("second", after)] {
            if let reason = report.generator.saturated {
                notes.append("the generator was the bottleneck of the \(name): \(reason)")
            }
        }
    }

    private mutating func compare(_ before: OperationFigures, _ after: OperationFigures, step: Int) {
        for (old, offered) in zip(before.figures, after.figures) {
            let new = offered.scaled(toOfferedRateOf: old)
            let verdict: Row.Verdict =
                if old.band.upperBound < new.band.lowerBound {
                    old.moreIsBetter ? .better : .worse
                } else if new.band.upperBound < old.band.lowerBound {
                    old.moreIsBetter ? .worse : .better
                } else {
                    .same
                }
            rows.append(
                Row(
                    step: step, operation: before.operation, figure: old.name, before: old.value,
                    after: offered.value,
                    beforeText: old.text, afterText: offered.text, verdict: verdict))
        }
    }
}

/// The relative variation of figures within a run.
struct Variation {
    var throughput: Double
    var median: Double
    var p99: Double

    /// Nil if the run was measured for less than 5 seconds.
    init?(_ report: LoadReport, step: Int) {
        let points = report.timeline.filter { $0.step == step && !$0.warmUp }
        guard points.count >= 5 else { return nil }
        throughput = Self.spread(points.map { Double($0.statuses["OK"] ?? 0) })
        median = Self.spread(points.map { Double($0.median) })
        p99 = Self.spread(points.map { Double($0.p99) })
    }

    /// Half the range of the middle eight medians, relative to their median.
    private static func spread(_ seconds: [Double]) -> Double {
        let count = min(10, seconds.count)
        let medians = (0..<count).map { part in
            middle(seconds[(part * seconds.count / count)..<((part + 1) * seconds.count / count)])
        }.sorted()
        let all = middle(medians[...])
        return all > 0 ? (medians[count - 2] - medians[1]) / 2 / all : 0
    }

    private static func middle(_ values: ArraySlice<Double>) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
