// The free slots of one loop. Taking any of them and taking a certain one both cost the same whatever the pool holds:
// each slot knows its place in the list of the free ones.

/// Slots that nobody has booked.
struct SlotPool {
    private static let taken = UInt32.max

    private var free: [UInt32] = []
    /// By number of the slot: its place in `free`.
    private var places: [UInt32]

    /// A pool of what is in one loop's part of a grid.
    init(_ grid: ScenarioGrid, loop index: Int, of count: Int) {
        places = Array(repeating: Self.taken, count: grid.count)
        for number in 0..<UInt32(grid.count)
        where grid.loop(of: ScenarioGrid.Slot(number: number), among: count) == index {
            put(ScenarioGrid.Slot(number: number))
        }
    }

    var count: Int { free.count }

    /// Makes a slot free.
    mutating func put(_ slot: ScenarioGrid.Slot) {
        guard places[Int(slot.number)] == Self.taken else { return }
        places[Int(slot.number)] = UInt32(free.count)
        free.append(slot.number)
    }

    /// Any slot, if there is one.
    mutating func take(using generator: inout SeededGenerator) -> ScenarioGrid.Slot? {
        guard !free.isEmpty else { return nil }
        let slot = ScenarioGrid.Slot(number: free[Int(generator.next(below: UInt64(free.count)))])
        return take(slot) ? slot : nil
    }

    /// A certain slot; false if it is not free.
    mutating func take(_ slot: ScenarioGrid.Slot) -> Bool {
        let place = places[Int(slot.number)]
        guard place != Self.taken, let last = free.popLast() else { return false }
        if last != slot.number {
            free[Int(place)] = last
            places[Int(last)] = place
        }
        places[Int(slot.number)] = Self.taken
        return true
    }
}

extension SeededGenerator {
    /// A number below a bound above 0, each as likely as the others.
    mutating func next(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    /// A number from 0 up to but not including 1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
