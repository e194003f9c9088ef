// The metrics of this process: a swift-metrics backend that keeps numbers in memory and writes them in Prometheus's
// format. Families are declared beforehand with their help texts, and the number of series is limited, so that
// faulty labels cannot exhaust memory.

public import CoreMetrics
internal import Synchronization

/// A declared family of series.
public struct MetricFamily: Sendable {
    let name: String
    let kind: PrometheusText.Kind
    let help: String

    /// A family with its Prometheus name (`clinic_calls_total`) and its help text.
    public init(_ name: String, _ kind: PrometheusText.Kind, help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}

/// Keeps the series of declared families. A `Timer` creates a histogram in seconds; a `Meter` or a `Gauge` creates
/// a gauge. A handle for an undeclared family, or of another kind, records nothing.
public final class MetricsRegistry: MetricsFactory {
    private enum Series {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    private struct LabelledSeries {
        var labels: PrometheusText.Labels
        var series: Series
    }

    /// The maximum number of series in one family.
    static let maximumSeries = 4096

    private let families: [MetricFamily]
    private let entries: Mutex<[String: [String: LabelledSeries]]>

    /// A registry for these families, written in this order.
    public init(families: [MetricFamily]) {
        self.families = families
        entries = Mutex(Dictionary(families.map { ($0.name, [:]) }) { first, _ in first })
    }

    // MARK: Handles

    /// The counter with these labels.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard case .counter(let series) = find(label, dimensions, .counter, { .counter(CounterSeries()) })
        else { return NOOPMetricsHandler.instance }
        return series
    }

    /// The gauge with these labels.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        guard case .gauge(let series) = find(label, dimensions, .gauge, { .gauge(GaugeSeries()) })
        else { return NOOPMetricsHandler.instance }
        return series
    }

    /// The gauge with these labels; aggregating recorders are not supported.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard !aggregate, case .gauge(let series) = find(label, dimensions, .gauge, { .gauge(GaugeSeries()) })
        else { return NOOPMetricsHandler.instance }
        return series
    }

    /// The histogram with these labels.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        guard
            case .histogram(let series) = find(
                label, dimensions, .histogram, { .histogram(HistogramSeries()) }
            )
        else { return NOOPMetricsHandler.instance }
        return series
    }

    /// Does nothing: a series lives until the process ends, as Prometheus expects of counters.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Does nothing, like `destroyCounter`.
    public func destroyMeter(_ handler: any MeterHandler) {}
    /// Does nothing, like `destroyCounter`.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Does nothing, like `destroyCounter`.
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// Finds the series of a family with these labels, or creates it if the limit allows.
    private func find(
        _ name: String, _ labels: PrometheusText.Labels, _ kind: PrometheusText.Kind,
        _ make: () -> Series
    ) -> Series? {
        guard families.contains(where: { $0.name == name && $0.kind == kind }) else { return nil }
        let key = labels.map { "\($0.0)\u{0}\($0.1)\u{0}" }.joined()
        return entries.withLock { entries in
            if let known = entries[name]?[key] { return known.series }
            guard (entries[name]?.count ?? 0) < Self.maximumSeries else { return nil }
            let series = make()
            entries[name]?[key] = LabelledSeries(labels: labels, series: series)
            return series
        }
    }

    // MARK: Writing

    /// Writes all families. A counter or histogram with labels appears once it is above zero.
    public func write(into page: inout PrometheusText) {
        let entries = entries.withLock { $0 }
        for family in families {
            let series = (entries[family.name] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
            if family.kind == .histogram {
                Self.writeHistograms(of: family, series, into: &page)
            } else {
                page.write(
                    family.name, family.kind, help: family.help,
                    series.compactMap { entry in
                        let value = Self.value(of: entry.series)
                        let isShown = value != 0 || entry.labels.isEmpty || family.kind == .gauge
                        return isShown ? (entry.labels, value) : nil
                    })
            }
        }
    }

    private static func value(of series: Series) -> Double {
        switch series {
        case .counter(let counter): Double(counter.value)
        case .gauge(let gauge): gauge.value
        case .histogram: 0
        }
    }

    private static func writeHistograms(
        of family: MetricFamily, _ entries: [LabelledSeries], into page: inout PrometheusText
    ) {
        var hasWrittenHeader = false
        for entry in entries {
            guard case .histogram(let histogram) = entry.series else { continue }
            let (counts, sum) = histogram.values
            guard counts.contains(where: { $0 != 0 }) else { continue }
            if !hasWrittenHeader { page.beginFamily(family.name, family.kind, help: family.help) }
            hasWrittenHeader = true
            var total: Int64 = 0
            for (index, count) in counts.enumerated() {
                total += count
                let bound =
                    index < HistogramSeries.bounds.count
                    ? PrometheusText.number(Double(HistogramSeries.bounds[index]) / 1e9) : "+Inf"
                page.writeSample(family.name + "_bucket", entry.labels + [("le", bound)], Double(total))
            }
            page.writeSample(family.name + "_sum", entry.labels, Double(sum) / 1e9)
            page.writeSample(family.name + "_count", entry.labels, Double(total))
        }
    }
}
