// A limited number of places, such as those of calls in flight, and how many of them each address and each user holds.
//
// A share is half of the places. Whoever holds less than a share gets another place while the others hold less than all
// of them, where what somebody holds beyond a share does not count; whoever holds a share or more gets one only while some
// are free. So one holder alone can have all places, and takes nothing from the others: for them there are half as many
// again, as long as that holder keeps more than a share.
//
// A place is taken and returned by a few atomic additions, without a lock. The counts lie in tables by a hash with a
// secret factor, so they need no memory for each holder. Two holders with the same hash, one pair in 16,384, have one
// share together. Threads decide at the same time, so each event loop may take one place too many.

internal import Synchronization

/// A number of places, of which no holder takes the others' half.
package final class ShareBudget: Sendable {
    /// The number of places.
    package let limit: Int
    /// The places that are one share.
    private let share: Int
    private let count = Atomic<Int>(0)
    private let addresses: ShareCounts
    private let users: ShareCounts

    package init(limit: Int) {
        self.limit = max(limit, 0)
        share = (self.limit + 1) / 2
        addresses = ShareCounts(share: share)
        users = ShareCounts(share: share)
    }

    /// The places that are taken, at most one and a half times the limit.
    package var takenCount: Int { count.load(ordering: .relaxed) }

    // MARK: Addresses

    /// Whether an address gets another place.
    @inline(__always)
    package func admits(_ address: ShareSlot) -> Bool {
        let taken = count.load(ordering: .relaxed)
        // So few are taken that nobody can hold a share.
        if taken < share { return true }
        return admits(address, taken: taken)
    }

    private func admits(_ address: ShareSlot, taken: Int) -> Bool {
        guard addresses.count(address) < share else { return taken < limit }
        return taken - max(addresses.countBeyondShares, users.countBeyondShares) < limit
    }

    /// An address takes a place, which it returns with `putBack`.
    @inline(__always)
    package func take(_ address: ShareSlot) {
        count.wrappingAdd(1, ordering: .relaxed)
        addresses.take(address)
    }

    /// A place is returned.
    @inline(__always)
    package func putBack(_ address: ShareSlot) {
        count.wrappingSubtract(1, ordering: .relaxed)
        addresses.putBack(address)
    }

    // MARK: Users

    /// Counts a place of an address toward its user as well, until `putBack(user:)`; false if the user has a share
    /// already and no place is free.
    package func take(user: ShareSlot) -> Bool {
        let taken = count.load(ordering: .relaxed)
        if taken >= limit, users.count(user) >= share { return false }
        users.take(user)
        return true
    }

    /// A place of a user is returned.
    package func putBack(user: ShareSlot) { users.putBack(user) }
}

/// Where the count of a holder lies in the tables of all budgets.
package struct ShareSlot: Sendable, Hashable {
    static let count = 1 << bits
    private static let bits: UInt64 = 14
    /// Odd and secret: holders cannot look for a place beside somebody else.
    private static let factor = UInt64.random(in: .min ... .max) | 1

    let index: UInt32

    /// The slot of a holder.
    package init(_ key: ShareKey) {
        index = UInt32(truncatingIfNeeded: (key.number &* Self.factor) >> (64 - Self.bits))
    }
}

/// How many places each holder of one kind has.
private final class ShareCounts: @unchecked Sendable {
    /// The places that are one share.
    let share: Int
    /// How many places all holders have beyond a share.
    private let beyondShares = Atomic<Int>(0)
    // The memory is as unchanging as the pointer; what lies in it is atomic.
    private let counts: UnsafeMutablePointer<Atomic<Int32>>

    init(share: Int) {
        self.share = share
        counts = .allocate(capacity: ShareSlot.count)
        for index in 0..<ShareSlot.count { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: ShareSlot.count)
        counts.deallocate()
    }

    var countBeyondShares: Int { beyondShares.load(ordering: .relaxed) }

    func count(_ slot: ShareSlot) -> Int { Int(counts[Int(slot.index)].load(ordering: .relaxed)) }

    @inline(__always)
    func take(_ slot: ShareSlot) {
        let before = counts[Int(slot.index)].wrappingAdd(1, ordering: .relaxed).oldValue
        if before >= share { beyondShares.wrappingAdd(1, ordering: .relaxed) }
    }

    @inline(__always)
    func putBack(_ slot: ShareSlot) {
        let before = counts[Int(slot.index)].wrappingSubtract(1, ordering: .relaxed).oldValue
        if before > share { beyondShares.wrappingSubtract(1, ordering: .relaxed) }
    }
}
