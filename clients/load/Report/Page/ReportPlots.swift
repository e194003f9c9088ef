// The plots of a report: latency by percentile, and throughput, latency and statuses over time.

extension LoadReport {
    /// The maximum number of points of a line; in longer runs each point covers several seconds.
    private static let maximumPoints = 600
    /// The most steps that are compared in one plot.
    private static let maximumSteps = 6
    /// The colours of the style sheet.
    private static let colours = 8

    /// The plots in order.
    var plots: [Plot] {
        var plots: [Plot] = []
        if let plot = percentilePlot { plots.append(plot) }
        if let plot = operationPlot { plots.append(plot) }
        guard !timeline.isEmpty else { return plots }
        let times = timePlots
        // The page shows two plots per row; the last plot is included only to fill a row.
        return plots + times.dropLast((plots.count + times.count).isMultiple(of: 2) ? 0 : 1)
    }

    /// All operations combined: for one step response and service time, for several steps the response time of
    /// each.
    private var percentilePlot: Plot? {
        guard let only = steps.first else { return nil }
        let curves: [(String, Latency)] =
            if steps.count > 1 {
                steps.enumerated().suffix(Self.maximumSteps).map {
                    ("\($0 + 1): \($1.load.text)", $1.total.response)
                }
            } else if only.load.isOpen {
                [("response time", only.total.response), ("service time", only.total.service)]
            } else {
                [("service time", only.total.service)]
            }
        return plot("Latency by percentile", curves)
    }

    /// The operations of the last step.
    private var operationPlot: Plot? {
        guard let step = steps.last, step.operations.count > 1 else { return nil }
        let operations = step.operations.sorted { $0.count > $1.count }
        return plot("Latency by percentile and operation", operations.map { ($0.name, $0.response) })
    }

    private func plot(_ title: String, _ curves: [(String, Latency)]) -> Plot? {
        let curves = curves.filter { !$0.1.curve.isEmpty }
        guard !curves.isEmpty else { return nil }
        // 100 % is infinitely far on this axis, so the maximum is drawn at the percentile above which one call
        // remains.
        let count = curves.map(\.1.count).max() ?? 0
        let end = 100 - 100 / Double(max(100, count))
        return Plot(
            title: title,
            caption: "\(title): \(curves.map { "\($0.0) p99 \($0.1.text(at: 99))" }.joined(separator: ", "))",
            x: .percentile(upTo: end),
            y: .latency("latency", values: curves.flatMap { $0.1.curve.map { Double($0.microseconds) } }),
            series: curves.enumerated().map { index, curve in
                Plot.Series(
                    name: curve.0, colour: index % Self.colours + 1, dashes: index / Self.colours % 3,
                    points: curve.1.curve.map { (min($0.percentile, end), Double($0.microseconds)) })
            })
    }

    private var timePlots: [Plot] {
        let spans = spans
        let x = Axis.time(from: 0, to: Double((timeline.last?.second ?? 0) + 1))
        let warmUp = timeline.filter(\.warmUp).map(\.second).max().map { 0...Double($0 + 1) }
        let marks = zip(timeline, timeline.dropFirst()).filter { $0.step != $1.step }.map {
            Double($1.second)
        }
        func plot(_ title: String, _ y: Axis, _ series: [Plot.Series]) -> Plot {
            Plot(
                title: title, caption: "\(title) over \(timeline.count) seconds", x: x, y: y, series: series,
                shaded: warmUp, marks: marks)
        }
        func line(_ name: String, _ colour: Int, _ value: (Span) -> Double) -> Plot.Series {
            Plot.Series(name: name, colour: colour, points: spans.map { ($0.middle, value($0)) })
        }
        let rates = [
            line("sent", 8) { $0.sent }, line("answered", 1) { $0.answered }, line("errors", 7) { $0.errors },
        ]
        let latencies = [
            line("longest", 8) { $0.maximum }, line("p99", 2) { $0.p99 }, line("p50", 1) { $0.median },
        ]
        let inFlight = [
            line("most within a second", 8) { $0.mostInFlight }, line("at its end", 3) { $0.inFlight },
        ]
        let greatest = spans.map(\.answered).max() ?? 0
        return [
            plot("Throughput", .linear("calls per second", upTo: rates.greatest, label: rateLabel), rates),
            plot("Latency", .latency("latency", values: latencies.flatMap { $0.points.map(\.y) }), latencies),
            plot(
                "Answers by status", .linear("answers per second", upTo: greatest, label: rateLabel),
                statusAreas(spans)),
            plot(
                "Calls in flight", .linear("calls", upTo: inFlight.greatest, label: rateLabel), inFlight),
        ]
    }

    /// OK at the bottom, then expected statuses, then errors; within each group by frequency.
    private func statusAreas(_ spans: [Span]) -> [Plot.Series] {
        let expected = Set(steps.flatMap { $0.total.statuses.filter(\.expected).map(\.status) })
        var totals: [String: Double] = [:]
        for span in spans { totals.merge(span.statuses) { $0 + $1 } }
        func rank(_ status: String) -> Int { status == "OK" ? 0 : expected.contains(status) ? 1 : 2 }
        let ordered = totals.sorted {
            (rank($0.key), -$0.value, $0.key) < (rank($1.key), -$1.value, $1.key)
        }.map(\.key)
        // At most seven colours; further statuses share the last. Red marks errors.
        let (others, errors) = ([3, 5, 4, 6], [7, 2, 8])
        var (otherCount, errorCount) = (0, 0)
        return ordered.map { status in
            let colour: Int
            switch rank(status) {
            case 0: colour = 1
            case 1:
                colour = others[min(otherCount, others.count - 1)]
                otherCount += 1
            default:
                colour = errors[min(errorCount, errors.count - 1)]
                errorCount += 1
            }
            return Plot.Series(
                name: rank(status) == 2 ? "\(status) (error)" : status, colour: colour, kind: .area,
                points: spans.map { ($0.middle, $0.statuses[status] ?? 0) })
        }
    }

    /// The timeline divided into at most `maximumPoints` spans.
    private var spans: [Span] {
        let size = max(1, (timeline.count + Self.maximumPoints - 1) / Self.maximumPoints)
        return stride(from: 0, to: timeline.count, by: size).map { start in
            Span(timeline[start..<min(start + size, timeline.count)])
        }
    }
}

/// One or more seconds of the timeline: rates are averaged, latencies are maxima.
private struct Span {
    var middle: Double
    var sent: Double
    var answered: Double
    var errors: Double
    var statuses: [String: Double] = [:]
    var median: Double
    var p99: Double
    var maximum: Double
    var inFlight: Double
    var mostInFlight: Double

    init(_ points: ArraySlice<TimelinePoint>) {
        let seconds = Double(max(1, points.count))
        middle = Double(points.first?.second ?? 0) + seconds / 2
        sent = points.reduce(0) { $0 + Double($1.sent) } / seconds
        errors = points.reduce(0) { $0 + Double($1.errors) } / seconds
        for point in points {
            for (status, count) in point.statuses { statuses[status, default: 0] += Double(count) / seconds }
        }
        answered = statuses.values.reduce(0, +)
        median = points.map { Double($0.median) }.max() ?? 0
        p99 = points.map { Double($0.p99) }.max() ?? 0
        maximum = points.map { Double($0.maximum) }.max() ?? 0
        inFlight = points.map { Double($0.inFlight) }.max() ?? 0
        mostInFlight = points.map { Double($0.mostInFlight ?? $0.inFlight) }.max() ?? 0
    }
}

extension [Plot.Series] {
    fileprivate var greatest: Double { flatMap { $0.points.map(\.y) }.max() ?? 0 }
}

/// "0", "0.5", "2,000".
private func rateLabel(_ value: Double) -> String { trimmed(decimal(value, places: value < 10 ? 2 : 0)) }
