// Writes Prometheus's text format (exposition format 0.0.4): families of series, each with a help text and a type.

/// A metrics page under construction.
public struct PrometheusText: Sendable {
    /// The type of a family.
    public enum Kind: String, Sendable {
        /// A number that only grows during the life of the process.
        case counter
        /// A number that goes up and down.
        case gauge
        /// A distribution over buckets.
        case histogram
    }

    /// The labels of a series, in the order in which they are written.
    public typealias Labels = [(String, String)]

    /// The Content-Type of the page.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text written so far.
    public private(set) var text = ""

    /// An empty page.
    public init() {}

    /// Writes a family with one series that has no labels.
    public mutating func write(_ name: String, _ kind: Kind, help: String, _ value: Double) {
        write(name, kind, help: help, [([], value)])
    }

    /// Writes a family of counters or gauges, or nothing if it has no series.
    public mutating func write(
        _ name: String, _ kind: Kind, help: String, _ series: [(labels: Labels, value: Double)]
    ) {
        guard !series.isEmpty else { return }
        beginFamily(name, kind, help: help)
        for (labels, value) in series { writeSample(name, labels, value) }
    }

    mutating func beginFamily(_ name: String, _ kind: Kind, help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func writeSample(_ name: String, _ labels: Labels, _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, (key, value)) in labels.enumerated() {
                if index > 0 { text += "," }
                text += "\(key)=\"\(Self.escaped(value, quotes: true))\""
            }
            text += "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// A number in its shortest form.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
