// A page of metrics as Prometheus writes them. What is not understood is left out: another version of the server may have
// more on its page.

/// The samples of a page.
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

    /// The sum over all series that have these labels and perhaps more; 0 without any.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values.reduce(0) { sum, sample in
            let isMeant =
                sample.key.name == name && labels.allSatisfy { sample.key.labels[$0.key] == $0.value }
            return isMeant ? sum + sample.value : sum
        }
    }

    /// What a label is in the series of a name.
    func labelValues(_ name: String, _ label: String) -> Set<String> {
        Set(values.keys.lazy.filter { $0.name == name }.compactMap { $0.labels[label] })
    }

    /// `name{label="value",…} number`, perhaps with a time behind it.
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

    /// `label="value"`, with backslashes before quotes, backslashes and line ends (n).
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
