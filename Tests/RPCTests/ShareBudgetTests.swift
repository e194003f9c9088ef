// Who gets a place of a budget, in chosen and in random schedules.

import TestRandom
import Testing

@testable import RPC

@Suite struct ShareBudgetTests {
    private static let addresses = (0..<4).map { ShareSlot(ShareKey(.ipv4(UInt32($0)))) }
    private static let users = (0..<4).map { ShareSlot(ShareKey(user: Int64($0))) }

    /// Takes as many places as an address gets, at most this many.
    private func take(_ most: Int, of budget: ShareBudget, _ address: ShareSlot) -> Int {
        for taken in 0..<most {
            guard budget.admits(address) else { return taken }
            budget.take(address)
        }
        return most
    }

    @Test(arguments: [1, 2, 3, 8, 4096])
    func `one address alone gets all places`(limit: Int) {
        let budget = ShareBudget(limit: limit)
        #expect(take(limit + 1, of: budget, Self.addresses[0]) == limit)
    }

    @Test(arguments: [8, 4096])
    func `the others get half of the places behind one that has taken all`(limit: Int) {
        let budget = ShareBudget(limit: limit)
        #expect(take(limit, of: budget, Self.addresses[0]) == limit)
        #expect(take(limit, of: budget, Self.addresses[1]) == limit / 2)
        #expect(take(limit, of: budget, Self.addresses[2]) == 0)
        // Places that the first returns are its own again only when nobody is without half of them.
        for _ in 0..<limit / 2 { budget.putBack(Self.addresses[0]) }
        #expect(take(limit, of: budget, Self.addresses[0]) == 0)
        for _ in 0..<limit / 4 { budget.putBack(Self.addresses[1]) }
        #expect(take(limit, of: budget, Self.addresses[0]) == limit / 4)
    }

    @Test func `the others get half of the places behind two that share them`() {
        let budget = ShareBudget(limit: 8)
        #expect(take(8, of: budget, Self.addresses[0]) == 8)
        #expect(take(2, of: budget, Self.addresses[1]) == 2)
        #expect(take(8, of: budget, Self.addresses[2]) == 2)
    }

    @Test func `a user with many addresses takes only half from the others`() {
        let budget = ShareBudget(limit: 8)
        var taken = 0
        for address in Self.addresses.prefix(3) {
            for _ in 0..<4 where budget.admits(address) && budget.take(user: Self.users[0]) {
                budget.take(address)
                taken += 1
            }
        }
        #expect(taken == 8)
        #expect(take(8, of: budget, Self.addresses[3]) == 4)
    }

    @Test func `whatever the schedule, nobody is refused less than a share that others do not hold`() throws {
        var generator = SeededGenerator(printing: "shares")
        for limit in [1, 2, 5, 16, 33] {
            let share = (limit + 1) / 2
            let budget = ShareBudget(limit: limit)
            var places: [(address: Int, user: Int?)] = []
            var admitted = 0
            for _ in 0..<20_000 {
                let isTaking = Int.random(in: 0..<100, using: &generator) < 55
                if !isTaking, let index = places.indices.randomElement(using: &generator) {
                    let place = places.remove(at: index)
                    budget.putBack(Self.addresses[place.address])
                    if let user = place.user { budget.putBack(user: Self.users[user]) }
                    continue
                }
                // The first address and the first user want most.
                let address = max(0, Int.random(in: -8..<4, using: &generator))
                let user =
                    Bool.random(using: &generator) ? max(0, Int.random(in: -8..<4, using: &generator)) : nil
                let taken = places.count
                let own = places.count { $0.address == address }
                let ofUser = user == nil ? 0 : places.count { $0.user == user }
                var beyond = 0
                for holder in 0..<4 {
                    beyond = max(beyond, places.count { $0.address == holder } - share)
                    beyond = max(beyond, places.count { $0.user == holder } - share)
                }
                let isDue = own < share ? taken - beyond < limit : taken < limit
                #expect(budget.admits(Self.addresses[address]) == isDue)
                guard isDue else { continue }
                if let user {
                    let isDue = ofUser < share || taken < limit
                    #expect(budget.take(user: Self.users[user]) == isDue)
                    guard isDue else { continue }
                }
                budget.take(Self.addresses[address])
                places.append((address, user))
                admitted += 1
                #expect(budget.takenCount == places.count)
                #expect(places.count <= limit + share)
            }
            #expect(admitted > 1_000)
        }
    }
}
