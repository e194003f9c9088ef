// The load over time as pure functions: how many calls have started after a time, and the inverse, when the n-th
// call starts. Arrivals are computed from the inverse.

internal import Glibc

/// A stage of an open loop.
enum Stage: Sendable, Equatable {
    /// A constant rate in calls per second.
    case steady(rate: Double, seconds: Double)
    /// A linear change from one rate to another.
    case ramp(from: Double, to: Double, seconds: Double)
    /// A base rate with a peak in the middle tenth of the time.
    case spike(base: Double, peak: Double, seconds: Double)

    var seconds: Double {
        switch self {
        case .steady(_, let seconds), .ramp(_, _, let seconds), .spike(_, _, let seconds): seconds
        }
    }

    /// The rate at its start, which a preceding warm-up uses.
    var firstRate: Double {
        switch self {
        case .steady(let rate, _), .ramp(let rate, _, _), .spike(let rate, _, _): rate
        }
    }

    /// The number of calls in the stage.
    var calls: Double {
        segments.reduce(0) { $0 + $1.calls }
    }

    /// The mean rate in calls per second.
    var meanRate: Double { calls / seconds }

    /// The start of call `number` in seconds after the start of the stage; `number` is below `calls` and may be
    /// fractional.
    func time(ofCall number: Double) -> Double {
        var (before, start) = (0.0, 0.0)
        for segment in segments {
            if number < before + segment.calls { return start + segment.time(ofCall: number - before) }
            before += segment.calls
            start += segment.seconds
        }
        return seconds
    }

    /// The stage as segments of linearly changing rate.
    private var segments: [LinearSegment] {
        switch self {
        case .steady(let rate, let seconds): [LinearSegment(from: rate, to: rate, seconds: seconds)]
        case .ramp(let from, let to, let seconds): [LinearSegment(from: from, to: to, seconds: seconds)]
        case .spike(let base, let peak, let seconds):
            [
                LinearSegment(from: base, to: base, seconds: seconds * 0.45),
                LinearSegment(from: peak, to: peak, seconds: seconds * 0.1),
                LinearSegment(from: base, to: base, seconds: seconds * 0.45),
            ]
        }
    }
}

/// A segment of linearly changing rate.
private struct LinearSegment {
    let from: Double
    let to: Double
    let seconds: Double

    /// The integral of the rate.
    var calls: Double { (from + to) / 2 * seconds }

    /// The time at which the integral reaches `number`: the root of `from · t + (to − from) / (2 · seconds) · t²` =
    /// number, written so that it does not divide by the slope, which may be zero.
    func time(ofCall number: Double) -> Double {
        let slope = (to - from) / seconds
        let root = (from * from + 2 * slope * number).squareRoot()
        guard from + root > 0 else { return 0 }
        return 2 * number / (from + root)
    }
}
