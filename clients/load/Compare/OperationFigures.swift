// The figures of an operation that two reports are compared by.

/// The figures of an operation with their tolerance bands.
struct OperationFigures {
    struct Figure {
        var name: String
        var value: Double
        var text: String
        var moreIsBetter: Bool
        var band: ClosedRange<Double>
        /// The rate that was offered to the server, for the throughput of an open loop: calls that were not asked for
        /// could not be answered.
        var offeredRate: Double?

        /// The figure as it would be with the offered rate of another.
        func scaled(toOfferedRateOf other: Figure) -> Figure {
            guard let own = offeredRate, let rate = other.offeredRate, own > 0, own != rate else {
                return self
            }
            var figure = self
            figure.value *= rate / own
            figure.band = figure.band.lowerBound * rate / own...figure.band.upperBound * rate / own
            return figure
        }
    }

    let operation: String
    private(set) var figures: [Figure] = []

    init(_ report: OperationReport, _ step: StepReport, _ variation: Variation?) {
        operation = report.name
        let answered = report.statuses.filter { $0.status == "OK" }.reduce(0.0) { $0 + Double($1.count) }
        let seconds = max(step.seconds, 1e-9)
        figures.append(
            Figure(
                name: "throughput", value: answered / seconds, text: Rate(perSecond: answered / seconds).text,
                moreIsBetter: true,
                band: Self.band(
                    (answered - 3 * answered.squareRoot()) / seconds,
                    (answered + 3 * answered.squareRoot()) / seconds,
                    variation?.throughput), offeredRate: step.load.rate))
        for (percentile, name) in [(50, "p50"), (90, "p90"), (99, "p99"), (99.9, "p99.9")]
            as [(Double, String)]
        {
            guard let value = report.response.at(percentile) else { continue }
            let share = variation.map { percentile < 95 ? $0.median : $0.p99 }
            let (low, high) = report.response.neighbours(of: percentile)
            figures.append(
                Figure(
                    name: name, value: Double(value), text: durationText(microseconds: value),
                    moreIsBetter: false,
                    band: Self.band(low, high, share)))
        }
        let (errors, count) = (Double(report.errorCount), Double(max(1, report.count)))
        figures.append(
            Figure(
                name: "errors", value: errors / count, text: Share(errors / count).text, moreIsBetter: false,
                band: Self.band(
                    (errors - 3 * errors.squareRoot()) / count, (errors + 3 * errors.squareRoot()) / count,
                    variation.map { _ in 0 })))
    }

    /// The band from `low` to `high`, widened by a share; unbounded if the share is unknown.
    private static func band(_ low: Double, _ high: Double, _ share: Double?) -> ClosedRange<Double> {
        guard let share else { return 0...(.infinity) }
        let low = max(0, low * (1 - share))
        return low...max(low, high * (1 + share))
    }
}

extension Latency {
    /// The values at three standard errors of rank below and above a percentile.
    fileprivate func neighbours(of percentile: Double) -> (Double, Double) {
        let share = percentile / 100
        let error = 300 * (share * (1 - share) / Double(max(1, count))).squareRoot()
        return (value(at: percentile - error, or: minimum), value(at: percentile + error, or: maximum))
    }

    /// The interpolated value of the curve at a percentile.
    private func value(at percentile: Double, or other: UInt64) -> Double {
        guard percentile > 0, percentile < 100 else { return Double(other) }
        guard let next = curve.firstIndex(where: { $0.percentile >= percentile }) else {
            return Double(other)
        }
        let (above, below) = (curve[next], next > 0 ? curve[next - 1] : curve[next])
        let span = above.percentile - below.percentile
        let share = span > 0 ? (percentile - below.percentile) / span : 0
        return Double(below.microseconds) + (Double(above.microseconds) - Double(below.microseconds)) * share
    }
}

extension LoadShape {
    /// The rate of an open loop in calls per second.
    fileprivate var rate: Double? {
        if case .open(let rate, poisson: _) = self { rate } else { nil }
    }
}
