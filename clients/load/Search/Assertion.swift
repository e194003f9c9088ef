// `--assert` and `--slo`: bounds on the figures of a run.

internal import ArgumentParser
internal import Histogram

/// A bound such as `p99<50ms`, `errors<0.1%`, `throughput>1000` or `BookingService/BookAppointment:p99.9<200ms`.
struct Assertion: Sendable, ExpressibleByArgument {
    enum Figure: Sendable, Equatable {
        /// A percentile of the response time.
        case percentile(Double)
        case mean
        case maximum
        /// The share of calls with a status that the workload does not expect.
        case errors
        /// Calls per second that ended with OK.
        case throughput
    }

    let text: String
    /// The operation; nil for all operations.
    let operation: String?
    let figure: Figure
    private let isUpper: Bool
    private let isStrict: Bool
    /// In microseconds, as a fraction of 1, or in calls per second.
    private let bound: Double

    init?(argument: String) {
        text = argument.filter { $0 != " " }
        guard let sign = text.firstIndex(where: { $0 == "<" || $0 == ">" }) else { return nil }
        isUpper = text[sign] == "<"
        var right = text[text.index(after: sign)...]
        isStrict = !right.hasPrefix("=")
        if !isStrict { right = right.dropFirst() }
        var left = text[..<sign]
        if let colon = left.lastIndex(of: ":") {
            operation = String(left[..<colon])
            left = left[left.index(after: colon)...]
        } else {
            operation = nil
        }
        guard let figure = Self.figure(left) else { return nil }
        let bound: Double?
        switch figure {
        case .percentile, .mean, .maximum:
            bound = Duration(argument: String(right)).map { $0 / .microseconds(1) }
        case .errors: bound = Share(argument: String(right))?.fraction
        case .throughput: bound = Rate(argument: String(right))?.perSecond
        }
        // Throughput exists for the whole run only.
        guard let bound, figure != .throughput || operation == nil else { return nil }
        self.figure = figure
        self.bound = bound
    }

    private static func figure(_ name: Substring) -> Figure? {
        switch name {
        case "mean": return .mean
        case "max": return .maximum
        case "errors": return .errors
        case "throughput": return .throughput
        default:
            guard name.hasPrefix("p"),
                name.dropFirst().allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
                let percentile = Double(name.dropFirst()), percentile > 0, percentile <= 100
            else { return nil }
            return .percentile(percentile)
        }
    }

    /// Evaluates the bound. A bound on an operation that was never called does not hold.
    func result(_ record: RunRecord) -> AssertionResult {
        let whole = record.whole
        let calls: OperationRecord?
        if let operation {
            calls = zip(record.operations, whole.operations).first { $0.0 == operation }?.1
        } else {
            calls = whole.total
        }
        guard let calls, calls.count > 0 else {
            return AssertionResult(text: text, passed: false, actual: "no calls")
        }
        let value: Double
        let actual: String
        switch figure {
        case .percentile(let percentile):
            value = Double(calls.allResponses.valueAtPercentile(percentile))
            actual = durationText(microseconds: value)
        case .mean:
            value = calls.allResponses.mean
            actual = durationText(microseconds: value)
        case .maximum:
            value = Double(calls.allResponses.max)
            actual = durationText(microseconds: value)
        case .errors:
            let share = Share(calls.unexpected, of: calls.count)
            value = share.fraction
            actual = share.text
        case .throughput:
            value = whole.throughput
            actual = Rate(perSecond: value).text
        }
        let isBeyond = isUpper ? value > bound : value < bound
        return AssertionResult(text: text, passed: !isBeyond && (value != bound || !isStrict), actual: actual)
    }
}
