// The load over time as pure functions: a stage says how many calls are to have begun a time after its start, and the
// other way round, when the n-th is to begin. Arrivals of every kind follow from the second.

internal import Glibc

/// A stretch of an open loop.
enum Stage: Sendable, Equatable {
    /// Calls per second, all the time.
    case steady(rate: Double, seconds: Double)
    /// From one rate to another in a straight line.
    case ramp(from: Double, to: Double, seconds: Double)
    /// A rate, and in the middle tenth of the time another.
    case spike(base: Double, peak: Double, seconds: Double)

    var seconds: Double {
        switch self {
        case .steady(_, let seconds), .ramp(_, _, let seconds), .spike(_, _, let seconds): seconds
        }
    }

    /// The rate at its start, which is what a warm-up before it has.
    var firstRate: Double {
        switch self {
        case .steady(let rate, _), .ramp(let rate, _, _), .spike(let rate, _, _): rate
        }
    }

    /// Calls that are to begin in it.
    var calls: Double {
        pieces.reduce(0) { $0 + $1.calls }
    }

    /// Calls per second on average.
    var meanRate: Double { calls / seconds }

    /// When the call of a number is to begin, in seconds after the stage's start; numbers are below `calls` and need
    /// not be whole.
    func time(ofCall number: Double) -> Double {
        var (before, start) = (0.0, 0.0)
        for piece in pieces {
            if number < before + piece.calls { return start + piece.time(ofCall: number - before) }
            before += piece.calls
            start += piece.seconds
        }
        return seconds
    }

    /// The same as rates that change in straight lines.
    private var pieces: [Piece] {
        switch self {
        case .steady(let rate, let seconds): [Piece(from: rate, to: rate, seconds: seconds)]
        case .ramp(let from, let to, let seconds): [Piece(from: from, to: to, seconds: seconds)]
        case .spike(let base, let peak, let seconds):
            [
                Piece(from: base, to: base, seconds: seconds * 0.45),
                Piece(from: peak, to: peak, seconds: seconds * 0.1),
                Piece(from: base, to: base, seconds: seconds * 0.45),
            ]
        }
    }
}

/// A rate that changes in a straight line.
private struct Piece {
    let from: Double
    let to: Double
    let seconds: Double

    /// The area below the line.
    var calls: Double { (from + to) / 2 * seconds }

    /// Where that area reaches a number: the root of `from · t + (to − from) / (2 · seconds) · t²` = number, in the form
    /// that divides by no slope, which may be zero.
    func time(ofCall number: Double) -> Double {
        let slope = (to - from) / seconds
        let root = (from * from + 2 * slope * number).squareRoot()
        guard from + root > 0 else { return 0 }
        return 2 * number / (from + root)
    }
}
