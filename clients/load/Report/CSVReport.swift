// The report as CSV (RFC 4180): one row per status of each operation and step.

extension LoadReport {
    /// A header line and the rows. Durations are response times in microseconds.
    var csv: String {
        let percentiles = [50, 75, 90, 95, 99, 99.9, 99.99] as [Double]
        let titles =
            ["step", "load", "seconds", "operation", "status", "expected", "count", "share", "per_second"]
            + ["min_us", "mean_us"] + percentiles.map { "p\(Self.plain($0))_us" } + ["max_us"]
        var rows = [titles]
        for (index, step) in steps.enumerated() {
            for operation in step.operations {
                for status in operation.statuses {
                    let latency = status.response
                    rows.append(
                        [
                            String(index + 1), step.load.text, Self.plain(step.seconds), operation.name,
                            status.status,
                            String(status.expected), String(status.count),
                            Self.plain(Share(status.count, of: step.total.count).fraction),
                            step.seconds > 0 ? Self.plain(Double(status.count) / step.seconds) : "",
                            String(latency.minimum), Self.plain(latency.mean),
                        ] + percentiles.map { latency.at($0).map(String.init) ?? "" } + [
                            String(latency.maximum)
                        ])
                }
            }
        }
        return rows.map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func plain(_ value: Double) -> String {
        trimmed(decimal(value, places: 6, isGrouped: false))
    }

    /// A field, quoted if necessary.
    private static func field(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { "\",\r\n".unicodeScalars.contains($0) }) else {
            return text
        }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
