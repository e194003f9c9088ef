// When each call of one event loop is to begin. Loops share a schedule without talking: of calls at equal distances each
// loop has every n-th, and Poisson processes of an n-th of the rate add up to one of the whole.

internal import Glibc

/// How calls follow each other in an open loop.
enum ArrivalKind: String, Sendable, Codable, CaseIterable {
    /// At equal distances, as far as the rate is constant.
    case constant
    /// Independently of each other, as those of many people are.
    case poisson
}

/// The calls of one event loop in order.
struct Arrivals {
    /// When a call is to begin.
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
    /// When the stage begins, in seconds.
    private var start = 0.0
    /// The number of the next call within its stage, over all loops.
    private var number: Double

    /// The arrivals of one loop of so many; the same seed gives the same ones.
    init(stages: [Stage], kind: ArrivalKind, seed: UInt64, loop: Int = 0, of loops: Int = 1) {
        self.stages = stages
        self.kind = kind
        self.loops = Double(loops)
        random = SeededGenerator(seed: seed, stream: UInt64(loop))
        number = Double(loop)
        if kind == .poisson { number = random.exponential() * self.loops }
    }

    /// The next one; nil when the schedule is over.
    mutating func next() -> Arrival? {
        while stage < stages.count, number >= stages[stage].calls {
            // What is left of the distance to the next call goes on in the next stage.
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
