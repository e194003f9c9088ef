// Compares repeated runs. What differs from run to run, such as other work of the machine, is seen only between runs, so
// each figure is judged by the interval of the difference of its means (Welch's t-test, 99 %).

/// The changes between two sets of reports of the same load.
struct RepeatedComparison {
    /// The fewest runs of a side that show how much runs differ.
    static let fewestRuns = 3

    private(set) var rows: [Comparison.Row] = []
    private(set) var notes: [String] = []

    init(_ before: [LoadReport], _ after: [LoadReport]) {
        guard let first = before.first, let second = after.first else { return }
        notes = Comparison(first, second).notes.filter { !$0.contains("fewer than 5 seconds") }
        notes.append(
            "\(before.count) and \(after.count) runs: a change counts if the interval of the difference of the means is "
                + "beyond zero (99 %)")
        for index in zip(first.steps, second.steps).enumerated().map(\.offset) {
            for operation in first.steps[index].rows.map(\.name) {
                let old = Self.figures(of: operation, step: index, before)
                let new = Self.figures(of: operation, step: index, after)
                for (old, new) in zip(old, new) where !old.isEmpty && !new.isEmpty {
                    rows.append(Self.row(old, new, operation, step: index + 1))
                }
            }
        }
    }

    /// For each figure of an operation its values in the runs.
    private static func figures(
        of operation: String, step: Int, _ reports: [LoadReport]
    ) -> [[OperationFigures.Figure]] {
        let runs = reports.compactMap { report -> [OperationFigures.Figure]? in
            guard report.steps.indices.contains(step),
                let found = report.steps[step].rows.first(where: { $0.name == operation })
            else { return nil }
            return OperationFigures(found, report.steps[step], nil).figures
        }
        let names = runs.first?.map(\.name) ?? []
        return names.map { name in runs.compactMap { figures in figures.first { $0.name == name } } }
    }

    private static func row(
        _ old: [OperationFigures.Figure], _ new: [OperationFigures.Figure], _ operation: String, step: Int
    ) -> Comparison.Row {
        let scaled = new.map { $0.scaled(toOfferedRateOf: old[0]) }
        let (before, after) = (Mean(old.map(\.value)), Mean(scaled.map(\.value)))
        let difference = after.value - before.value
        let isChange = difference.magnitude > before.halfInterval(ofDifferenceTo: after)
        let isGain = (difference > 0) == old[0].moreIsBetter
        return Comparison.Row(
            step: step, operation: operation, figure: old[0].name, before: before.value,
            after: Mean(new.map(\.value)).value, beforeText: nearest(old, to: before.value).text,
            afterText: nearest(new, to: Mean(new.map(\.value)).value).text,
            verdict: !isChange ? .same : isGain ? .better : .worse)
    }

    /// The run whose figure is the nearest to the mean, which has its text.
    private static func nearest(
        _ figures: [OperationFigures.Figure], to value: Double
    ) -> OperationFigures.Figure {
        figures.reduce(figures[0]) { abs($1.value - value) < abs($0.value - value) ? $1 : $0 }
    }
}

/// The mean of repeated measurements.
struct Mean {
    let value: Double
    /// The square of the standard error of the mean.
    private let squaredError: Double
    private let count: Double

    init(_ values: [Double]) {
        count = Double(values.count)
        let mean = values.reduce(0, +) / max(1, count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        value = mean
        squaredError = count > 1 ? squares / (count - 1) / count : .infinity
    }

    /// Half the 99 % interval of the difference to another mean, with Welch's degrees of freedom.
    func halfInterval(ofDifferenceTo other: Mean) -> Double {
        let sum = squaredError + other.squaredError
        guard sum.isFinite else { return .infinity }
        guard sum > 0 else { return 0 }
        let freedom =
            sum * sum
            / (squaredError * squaredError / (count - 1) + other.squaredError * other.squaredError
                / (other.count - 1))
        return Self.quantile(Int(freedom)) * sum.squareRoot()
    }

    /// The quantile 0.995 of Student's distribution, for 1 to 30 degrees of freedom and beyond.
    private static func quantile(_ freedom: Int) -> Double {
        let table = [
            63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977,
            2.947, 2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763,
            2.756, 2.750,
        ]
        return freedom > table.count ? 2.750 : table[max(0, freedom - 1)]
    }
}
