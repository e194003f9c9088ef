// The free slots of one loop. Taking a random slot and taking a given slot both take constant time, because each
// slot's index in the list of free slots is known.

/// A pool of free slots.
struct SlotPool {
    private static let taken = UInt32.max

    private var free: [UInt32] = []
    /// The index in `free` by slot number, or `taken`.
    private var indices: [UInt32]

    /// Makes a pool of one loop's part of a grid.
    init(_ grid: ScenarioGrid, loop index: Int, of count: Int) {
        indices = Array(repeating: Self.taken, count: grid.count)
        for number in 0..<UInt32(grid.count)
        where grid.loop(of: ScenarioGrid.Slot(number: number), among: count) == index {
            put(ScenarioGrid.Slot(number: number))
        }
    }

    var count: Int { free.count }

    /// Adds a free slot.
    mutating func put(_ slot: ScenarioGrid.Slot) {
        guard indices[Int(slot.number)] == Self.taken else { return }
        indices[Int(slot.number)] = UInt32(free.count)
        free.append(slot.number)
    }

    /// Takes a random slot, if there is one.
    mutating func take(using generator: inout SeededGenerator) -> ScenarioGrid.Slot? {
        guard !free.isEmpty else { return nil }
        let slot = ScenarioGrid.Slot(number: free[Int(generator.next(below: UInt64(free.count)))])
        return take(slot) ? slot : nil
    }

    /// Takes a given slot; false if it is not free.
    mutating func take(_ slot: ScenarioGrid.Slot) -> Bool {
        let index = indices[Int(slot.number)]
        guard index != Self.taken, let last = free.popLast() else { return false }
        if last != slot.number {
            free[Int(index)] = last
            indices[Int(last)] = index
        }
        indices[Int(slot.number)] = Self.taken
        return true
    }
}

extension SeededGenerator {
    /// A uniform random number below a positive bound.
    mutating func next(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    /// A uniform random number in 0 ..< 1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
