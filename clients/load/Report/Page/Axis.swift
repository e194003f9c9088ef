// The axes of plots: they map values to 0 … 1 and choose the ticks.

internal import Glibc

/// One axis.
struct Axis {
    struct Tick {
        /// 0 to 1.
        var position: Double
        var label: String
    }

    let title: String
    let ticks: [Tick]
    /// Maps a value to 0 … 1, clamped at the ends.
    let place: (Double) -> Double
    /// A value with its unit, for a reader who points at it.
    let text: (Double) -> String

    private init(
        title: String, ticks: [(Double, String)], text: @escaping (Double) -> String,
        place: @escaping (Double) -> Double
    ) {
        self.text = text
        let clamped = { (value: Double) in min(1, max(0, place(value))) }
        self.title = title
        self.ticks = ticks.map { Tick(position: clamped($0.0), label: $0.1) }
        self.place = clamped
    }

    /// A linear axis from 0 to a round number at or above the maximum.
    static func linear(
        _ title: String, upTo maximum: Double, label: @escaping (Double) -> String
    ) -> Axis {
        let maximum = maximum.isFinite && maximum > 0 ? maximum : 1
        let step = roundStep(maximum / 5)
        let count = Int((maximum / step).rounded(.up))
        let end = step * Double(count)
        return Axis(
            title: title, ticks: (0...count).map { (Double($0) * step, label(Double($0) * step)) },
            text: label
        ) { $0 / end }
    }

    /// A latency axis in microseconds. It is logarithmic if a few long values would compress the rest.
    static func latency(_ title: String, values: [Double]) -> Axis {
        let sorted = values.filter { $0.isFinite && $0 > 0 }.sorted()
        guard let least = sorted.first, let greatest = sorted.last else {
            return linear(title, upTo: 1000, label: shortDuration)
        }
        guard greatest > 30 * sorted[sorted.count / 2] || greatest > 300 * least else {
            return linear(title, upTo: greatest, label: shortDuration)
        }
        let (low, high) = (floor(log10(max(1, least))), ceil(log10(greatest)))
        let factors = high - low > 3 ? [1.0] : [1, 3]
        var ticks: [(Double, String)] = []
        for decade in Int(low)...Int(max(low, high)) {
            for factor in factors where log10(factor) + Double(decade) <= high {
                let value = factor * pow(10, Double(decade))
                ticks.append((value, shortDuration(value)))
            }
        }
        let span = max(1, high - low)
        return Axis(title: title + ", logarithmic", ticks: ticks, text: shortDuration) {
            (log10(max(1, $0)) - low) / span
        }
    }

    /// A percentile axis as in HdrHistogram's plots: each further nine takes equal space.
    static func percentile(upTo maximum: Double) -> Axis {
        let end = max(2, nines(min(maximum, 99.99999)))
        let named: [(Double, String)] = [
            (0, "0"), (50, "50"), (90, "90"), (99, "99"), (99.9, "99.9"), (99.99, "99.99"),
            (99.999, "99.999"),
            (99.9999, "99.9999"),
        ]
        return Axis(
            title: "percentile, %",
            ticks: named.filter { nines($0.0) <= end + 1e-9 }.map { ($0.0, $0.1) },
            text: { "p" + trimmed(decimal($0, places: 5)) }
        ) { nines($0) / end }
    }

    /// A time axis in seconds since the start, labelled in a suitable unit.
    static func time(from start: Double, to end: Double) -> Axis {
        let span = max(1, end - start)
        let (unit, name): (Double, String) =
            span <= 300 ? (1, "s") : span <= 3 * 3600 ? (60, "min") : (3600, "h")
        let step = max(span <= 300 ? 1 : 0, roundStep(span / unit / 6)) * unit
        let ticks = stride(from: (start / step).rounded(.up) * step, through: end, by: step).map {
            ($0, number($0 / unit, step: step / unit))
        }
        return Axis(
            title: "time, \(name)", ticks: ticks,
            text: { trimmed(decimal($0 / unit, places: 1)) + " " + name }
        ) { ($0 - start) / span }
    }

    /// The smallest number of the form 1, 2 or 5 times a power of ten that is at least `value`.
    static func roundStep(_ value: Double) -> Double {
        let decade = pow(10, floor(log10(value)))
        let factor = [1.0, 2, 5].first { $0 * decade >= value * 0.999_999 } ?? 10
        return factor * decade
    }

    /// The number of nines of a percentile: 1 for 90, 2 for 99.
    private static func nines(_ percentile: Double) -> Double {
        percentile >= 100 ? .infinity : -log10(1 - max(0, percentile) / 100)
    }

    /// "0", "500 µs", "20 ms", "1.5 s".
    private static func shortDuration(_ microseconds: Double) -> String {
        let (value, unit): (Double, String) =
            switch microseconds {
            case 999_500...: (microseconds / 1e6, "s")
            case 999.5...: (microseconds / 1e3, "ms")
            default: (microseconds, "µs")
            }
        return microseconds == 0 ? "0" : trimmed(decimal(value, places: 2)) + " " + unit
    }

    /// Formats a number with the decimals that the step needs.
    private static func number(_ value: Double, step: Double) -> String {
        decimal(value, places: step >= 1 ? 0 : 1)
    }
}
