// Parses a page in Prometheus's text format. Unknown lines are ignored, because another version of the server may
// print more.

/// The samples of a metrics page.
struct MetricsPage: Sendable {
    struct Series: Hashable, Sendable {
        var name: String
        var labels: [String: String]
    }

    private(set) var values: [Series: Double] = [:]

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            if let (series, value) = Self.sample(line) { values[series] = value }
        }
    }

    /// The sum over all series with at least these labels; 0 if there are none.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values.reduce(0) { sum, sample in
            let matches =
                sample.key.name == name && labels.allSatisfy { sample.key.labels[$0.key] == $0.value }
            return matches ? sum + sample.value : sum
        }
    }

    /// The values of a label among the series of a name.
    func labelValues(_ name: String, _ label: String) -> Set<String> {
        Set(values.keys.lazy.filter { $0.name == name }.compactMap { $0.labels[label] })
    }

    /// Parses `name{label="value",…} number` with an optional timestamp.
    private static func sample(_ line: Substring) -> (Series, Double)? {
        let name = line.prefix { $0 != "{" && $0 != " " }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" {
                guard let (label, value) = readLabel(&rest) else { return nil }
                labels[label] = value
                if rest.first == "," { rest.removeFirst() }
            }
            rest.removeFirst()
        }
        guard let number = rest.split(separator: " ").first.flatMap({ Double($0) }), number.isFinite else {
            return nil
        }
        return (Series(name: String(name), labels: labels), number)
    }

    /// Parses `label="value"` with escaped quotes, backslashes and line breaks.
    private static func readLabel(_ rest: inout Substring) -> (String, String)? {
        let label = rest.prefix { $0 != "=" && $0 != "}" }
        rest = rest.dropFirst(label.count)
        guard !label.isEmpty, rest.hasPrefix("=\"") else { return nil }
        rest = rest.dropFirst(2)
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return (String(label), value)
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == "n" ? "\n" : escaped)
            default: value.append(character)
            }
        }
        return nil
    }
}
