// A page of metrics, read as strictly as its format (Prometheus text 0.0.4) can be taken: a line that is not understood is
// an error, and so is a family without help and type, one that comes twice, a series that comes twice, or a histogram
// whose buckets do not grow up to its count.

import Foundation

/// What a page of metrics says.
struct Exposition {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    struct Series: Hashable {
        var name: String
        var labels: [String: String]
    }

    private(set) var values: [Series: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(parsing text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(description: "no end of the last line") }
        var family: (name: String, type: String)?
        var announced: String?
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if let match = line.wholeMatch(of: /# HELP ([a-z_]+) (\S.*\.)/) {
                announced = String(match.1)
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge|histogram)/) {
                guard announced == String(match.1), types[String(match.1)] == nil else {
                    throw Malformed(description: "a family without help, or twice: \(line)")
                }
                family = (String(match.1), String(match.2))
                types[String(match.1)] = String(match.2)
            } else {
                try read(line, of: family)
            }
        }
        try checkHistograms()
    }

    /// A series' number; 0 for one that is not there, as before its first count.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values[Series(name: name, labels: labels)] ?? 0
    }

    /// The numbers of all series that have these labels and perhaps more.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values.filter { series, _ in
            series.name == name && labels.allSatisfy { series.labels[$0.key] == $0.value }
        }.values.reduce(0, +)
    }

    private mutating func read(_ line: Substring, of family: (name: String, type: String)?) throws {
        let pattern = /([a-z_]+)(?:\{([^ ]*)\})? (\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)/
        guard let match = line.wholeMatch(of: pattern), let family else {
            throw Malformed(description: "not a sample: \(line)")
        }
        let name = String(match.1)
        let names =
            family.type == "histogram"
            ? ["_bucket", "_sum", "_count"].map { family.name + $0 } : [family.name]
        guard names.contains(name), family.type != "counter" || name.hasSuffix("_total") else {
            throw Malformed(description: "not of the family \(family.name): \(line)")
        }
        guard let value = Double(match.3.replacing("+Inf", with: "inf")) else {
            throw Malformed(description: "no number: \(line)")
        }
        let series = Series(name: name, labels: try Self.labels(match.2 ?? ""))
        guard values.updateValue(value, forKey: series) == nil else {
            throw Malformed(description: "twice: \(line)")
        }
        guard family.type == "gauge" || value >= 0 else { throw Malformed(description: "negative: \(line)") }
    }

    private static func labels(_ text: Substring) throws -> [String: String] {
        var labels: [String: String] = [:]
        guard !text.isEmpty else { return labels }
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            // Our labels need no escapes: they are names of our own.
            guard let match = pair.wholeMatch(of: /([a-z_]+)="([A-Za-z0-9_.+:-]+)"/),
                labels.updateValue(String(match.2), forKey: String(match.1)) == nil
            else { throw Malformed(description: "not labels: \(text)") }
        }
        return labels
    }

    private func checkHistograms() throws {
        for (name, type) in types where type == "histogram" {
            var buckets: [[String: String]: [(bound: Double, count: Double)]] = [:]
            for (series, count) in values where series.name == name + "_bucket" {
                var labels = series.labels
                guard let text = labels.removeValue(forKey: "le"),
                    let bound = Double(text.replacing("+Inf", with: "inf"))
                else { throw Malformed(description: "a bucket without a bound: \(series)") }
                buckets[labels, default: []].append((bound, count))
            }
            for (labels, list) in buckets {
                let sorted = list.sorted { $0.bound < $1.bound }
                let counts = sorted.map(\.count)
                guard counts == counts.sorted(), sorted.last?.bound == .infinity,
                    counts.last == values[Series(name: name + "_count", labels: labels)],
                    values[Series(name: name + "_sum", labels: labels)] != nil
                else { throw Malformed(description: "buckets of \(name) \(labels)") }
            }
        }
    }
}
