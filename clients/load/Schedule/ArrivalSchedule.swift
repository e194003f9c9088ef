// The schedule of calls of one event loop. Loops share a schedule without communication: with constant arrivals
// each of n loops takes every n-th call, and n Poisson processes at an n-th of the rate add up to one at the full
// rate.

internal import Glibc

/// The arrival process of an open loop.
enum ArrivalKind: String, Sendable, Codable, CaseIterable {
    /// Evenly spaced while the rate is constant.
    case constant
    /// Independent arrivals, like those of many users.
    case poisson
}

/// The calls of one event loop in order of time.
struct ArrivalSchedule {
    /// The scheduled start of a call.
    struct Arrival: Equatable {
        /// Nanoseconds after the start of the schedule.
        var time: UInt64
        /// The index of its stage.
        var stage: Int
    }

    private let stages: [Stage]
    private let kind: ArrivalKind
    private let loops: Double
    private var random: SeededGenerator
    private var stage = 0
    /// The start of the stage in seconds.
    private var start = 0.0
    /// The number of the next call in its stage, counting all loops.
    private var number: Double

    /// The arrivals of one of `loops` loops; the same seed gives the same arrivals.
    init(stages: [Stage], kind: ArrivalKind, seed: UInt64, loop: Int = 0, of loops: Int = 1) {
        self.stages = stages
        self.kind = kind
        self.loops = Double(loops)
        random = SeededGenerator(seed: seed, stream: UInt64(loop))
        number = Double(loop)
        if kind == .poisson { number = random.exponential() * self.loops }
    }

    /// The next call; nil at the end of the schedule.
    mutating func next() -> Arrival? {
        while stage < stages.count, number >= stages[stage].calls {
            // The remaining distance to the next call carries over into the next stage.
            number -= stages[stage].calls
            start += stages[stage].seconds
            stage += 1
        }
        guard stage < stages.count else { return nil }
        let seconds = start + stages[stage].time(ofCall: number)
        number += kind == .poisson ? random.exponential() * loops : loops
        return Arrival(time: UInt64(seconds * 1e9), stage: stage)
    }
}
