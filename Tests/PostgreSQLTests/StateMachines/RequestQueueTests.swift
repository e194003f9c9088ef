// The queue of a pool: first come, first served within a key, turns between keys, and room for those who have little in it.

import Testing

@testable import PostgreSQL

struct RequestQueueTests {
    private static let statement = Statement("SELECT 1")

    /// A queue that is filled by numbers.
    private struct Filled {
        var queue: RequestQueue
        var numbers: UInt64 = 0

        init(connections: Int = 1) { queue = RequestQueue(connections: connections) }

        @discardableResult
        mutating func append(_ key: UInt64?, to shard: Int? = nil) -> Attempt {
            numbers += 1
            let request = StatementRequest(
                RequestQueueTests.statement, [], isPointRead: false, fairnessKey: key)
            let attempt = Attempt(request: request, sequenceNumber: numbers)
            queue.append(attempt, to: shard ?? queue.sharedShard)
            return attempt
        }

        /// Takes from the shards in turn, as a connection that serves them all.
        mutating func take(_ count: Int = .max) -> [UInt64] {
            var taken: [UInt64] = []
            while taken.count < count, let shard = queue.nextShard(where: { _ in true }),
                let attempt = queue.removeFirst(of: shard)
            {
                taken.append(attempt.sequenceNumber)
            }
            return taken
        }
    }

    @Test func `requests of one key are taken in their order, whatever shard they are in`() {
        var filled = Filled(connections: 2)
        for number in 0..<9 { filled.append(nil, to: number % 3) }
        #expect(filled.take() == Array(1...9))
        #expect(filled.queue.count == 0)
    }

    @Test func `keys take turns, and those without a key are one`() {
        var filled = Filled()
        for key in [7, 7, 7, 7, nil, nil, 8] as [UInt64?] { filled.append(key) }
        #expect(filled.take() == [1, 5, 7, 2, 6, 3, 4])
    }

    @Test func `a newcomer waits for one request of each other key, also in another shard`() {
        var filled = Filled(connections: 1)
        for _ in 0..<100 { filled.append(7, to: 0) }
        #expect(filled.take(10) == Array(1...10))
        filled.append(8, to: filled.queue.sharedShard)
        #expect(filled.take(3).contains(101))
    }

    @Test func `a key that was away has no credit`() {
        var filled = Filled()
        for _ in 0..<50 { filled.append(7) }
        _ = filled.take(20)
        for _ in 0..<10 { filled.append(8) }
        let turns = filled.take(20).map { $0 > 50 }
        #expect(turns.count { $0 } == 10)
        #expect(!zip(turns, turns.dropFirst()).contains { $0 == $1 })
    }

    @Test func `a request that is sent again goes first`() {
        var filled = Filled()
        let attempts = (0..<4).map { _ in filled.append(7) }
        #expect(filled.take(2) == [1, 2])
        for attempt in attempts[..<2].reversed() {
            filled.queue.putBack(attempt, to: filled.queue.sharedShard)
        }
        #expect(filled.take() == [1, 2, 3, 4])
    }

    @Test func `a request is taken out wherever it is`() {
        var filled = Filled()
        let attempts = (0..<6).map { filled.append($0 % 2 == 0 ? 7 : 8) }
        for place in [0, 3, 5] { filled.queue.remove(attempts[place].request) }
        filled.queue.remove(attempts[0].request)
        #expect(filled.queue.count == 3)
        #expect(filled.take() == [3, 2, 5])
    }

    @Test func `a full queue makes room at the cost of the key that has most`() {
        var filled = Filled(connections: 1)
        for shard in [0, 1, 1, 1, 0] { filled.append(7, to: shard) }
        filled.append(8)
        filled.append(8)
        #expect(filled.queue.removeFromLargestKey(for: 7) == nil)
        #expect(filled.queue.removeFromLargestKey(for: 9)?.fairnessKey == 7)
        #expect(filled.queue.removeFromLargestKey(for: 8)?.fairnessKey == 7)
        // Three against two and the new one.
        #expect(filled.queue.removeFromLargestKey(for: 8) == nil)
        #expect(filled.queue.count == 5)
        #expect(filled.queue.removeFromLargestKey(for: nil)?.fairnessKey == 7)
        #expect(Set(filled.take()) == [1, 2, 6, 7])
    }

    @Test(arguments: 0..<20)
    func `random use keeps the order within a key, the turns between keys, and the count`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var filled = Filled()
        // What waits, by key, in order.
        var model: [UInt64: [Attempt]] = [:]
        /// How often others have been taken since a key, which has waited all the while, was taken last.
        var passedOver: [UInt64: Int] = [:]
        for _ in 0..<5_000 {
            let key = UInt64.random(in: 0..<6, using: &generator)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...3:
                model[key, default: []].append(filled.append(key))
            case 4 where model[key]?.isEmpty == false:
                let place = Int.random(in: 0..<(model[key]?.count ?? 0), using: &generator)
                if let attempt = model[key]?.remove(at: place) { filled.queue.remove(attempt.request) }
                if model[key]?.isEmpty == true { passedOver[key] = nil }
            case 5 where filled.queue.count > 40:
                guard let dropped = filled.queue.removeFromLargestKey(for: key) else { continue }
                let owner = dropped.fairnessKey ?? 0
                #expect(model[owner]?.count == model.values.map(\.count).max())
                #expect(model[owner]?.last?.request === dropped)
                model[owner]?.removeLast()
                if model[owner]?.isEmpty == true { passedOver[owner] = nil }
            default:
                guard let attempt = filled.queue.removeFirst(of: filled.queue.sharedShard) else { continue }
                let owner = attempt.request.fairnessKey ?? 0
                #expect(model[owner]?.removeFirst().request === attempt.request)
                passedOver[owner] = nil
                for (other, waiting) in model where other != owner && !waiting.isEmpty {
                    passedOver[other, default: 0] += 1
                    #expect(passedOver[other] ?? 0 <= 6)
                }
            }
            #expect(filled.queue.count == model.values.reduce(0) { $0 + $1.count })
        }
    }
}
