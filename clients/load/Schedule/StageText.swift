// Parsing of stages.

/// A malformed list of stages.
struct StageTextError: Error, CustomStringConvertible {
    let description: String
}

extension Stage {
    /// Parses comma-separated stages: `1000/s:10s`, `ramp:100/s..5000/s:30s`, `spike:100/s..5000/s:30s`.
    static func list(_ text: String) throws(StageTextError) -> [Stage] {
        var stages: [Stage] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let stage = Stage(text: part.filter { $0 != " " }) else {
                throw StageTextError(
                    description: "'\(part)' is not a stage; write 1000/s:10s, ramp:100/s..5000/s:30s and "
                        + "spike:100/s..5000/s:30s")
            }
            stages.append(stage)
        }
        return stages
    }

    private init?(text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let kind = parts.count == 3 ? parts.removeFirst() : "steady"
        guard parts.count == 2, let seconds = Duration(argument: parts[1])?.inSeconds, seconds > 0 else {
            return nil
        }
        if kind == "steady" {
            guard let rate = Self.rate(parts[0]) else { return nil }
            self = .steady(rate: rate, seconds: seconds)
            return
        }
        guard let dots = parts[0].firstRange(of: ".."), let from = Self.rate(parts[0][..<dots.lowerBound]),
            let to = Self.rate(parts[0][dots.upperBound...])
        else { return nil }
        switch kind {
        case "ramp": self = .ramp(from: from, to: to, seconds: seconds)
        case "spike": self = .spike(base: from, peak: to, seconds: seconds)
        default: return nil
        }
    }

    private static func rate(_ text: some StringProtocol) -> Double? {
        Rate(argument: String(text)).flatMap { $0.perSecond > 0 ? $0.perSecond : nil }
    }
}
