// The metrics of this process: a backend of swift-metrics that keeps numbers in memory and writes them in the form that
// Prometheus reads. What may be in it is declared beforehand with its help text, and the number of series is limited, so
// that no mistake elsewhere makes it grow for ever.

public import CoreMetrics
internal import Synchronization

/// A family of series that may be kept.
public struct MetricFamily: Sendable {
    let name: String
    let kind: PrometheusText.Kind
    let help: String

    /// A family with its name as Prometheus wants it (`clinic_calls_total`) and a sentence about it.
    public init(_ name: String, _ kind: PrometheusText.Kind, help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}

/// Keeps the numbers of declared families. A histogram is made by a `Timer` and is in seconds, a gauge by a `Meter` or a
/// `Gauge`. A handle for a family that is not declared, or of another kind, counts nothing.
public final class MetricsRegistry: MetricsFactory {
    private enum Series {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    private struct Entry {
        var labels: PrometheusText.Labels
        var series: Series
    }

    /// The most series of one family.
    static let maximumSeries = 4096

    private let families: [MetricFamily]
    private let entries: Mutex<[String: [String: Entry]]>

    /// A registry for these families, which are written in this order.
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

    /// The gauge with these labels; one that aggregates is not kept.
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

    /// Nothing: a number stays to the end of the process, as Prometheus expects of counters.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Nothing, as above.
    public func destroyMeter(_ handler: any MeterHandler) {}
    /// Nothing, as above.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Nothing, as above.
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// The series of a family with these labels, made if it is new and there is room.
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
            entries[name]?[key] = Entry(labels: labels, series: series)
            return series
        }
    }

    // MARK: The page

    /// Writes the families. A series with labels appears with its first count.
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
        of family: MetricFamily, _ entries: [Entry], into page: inout PrometheusText
    ) {
        var isBegun = false
        for entry in entries {
            guard case .histogram(let histogram) = entry.series else { continue }
            let (counts, sum) = histogram.values
            guard counts.contains(where: { $0 != 0 }) else { continue }
            if !isBegun { page.beginFamily(family.name, family.kind, help: family.help) }
            isBegun = true
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
