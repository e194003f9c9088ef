// Random numbers that can be repeated: a test that fails prints the seed that it failed with.

/// The random number generator SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator that repeats the numbers of its seed.
    public init(seed: UInt64) { state = seed }

    /// A generator that prints its seed under a name.
    public init(printing name: String, seed: UInt64 = .random(in: 1...UInt64(UInt32.max))) {
        print("seed of \(name): \(seed)")
        self.init(seed: seed)
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
