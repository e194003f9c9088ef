// Reproducible random numbers (SplitMix64), so that a run can be repeated.

internal import Glibc

/// A random number generator; each stream of a seed is a separate sequence.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64, stream: UInt64 = 0) {
        state = seed
        // Mixes the seed before it applies the stream; otherwise adjacent streams would be shifted copies of each
        // other.
        state = next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// An exponentially distributed interval with mean 1.
    mutating func exponential() -> Double {
        // In (0, 1], so that the logarithm is finite.
        let uniform = (Double(next() >> 11) + 1) * 0x1p-53
        return -log(uniform)
    }
}
