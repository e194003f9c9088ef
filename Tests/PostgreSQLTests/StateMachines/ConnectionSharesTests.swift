// Connections that one key fills: it gets half of them while others want some, and all otherwise.

import Testing

@testable import PostgreSQL

struct ConnectionSharesTests {
    private static let statement = Statement("SELECT 1")

    /// A pool of three connections for reads, the first of them for point reads, and a clock.
    private final class Pool {
        var machine: PoolStateMachine
        var time = ContinuousClock.now

        init() {
            machine = PoolStateMachine(
                purpose: .reads, connections: 3, limits: DatabaseConfiguration(url: ""))
            machine.start(until: time)
            for connection in 0..<3 {
                machine.connectionStarted(connection)
                _ = machine.connectionUp(connection, generation: 1, at: time)
            }
        }

        /// Returns the batch that is sent now.
        @discardableResult
        func submit(_ key: UInt64?, cost: Int) -> PipelineBatch? {
            let request = StatementRequest(
                ConnectionSharesTests.statement, [], isPointRead: false, fairnessKey: key, cost: cost)
            return machine.submit(request, isBatched: false, now: { [time] in time }).batch
        }

        /// What an idle connection takes now: to whom it belongs.
        func next() -> [UInt64?]? {
            let batch = machine.nextBatch(now: { [time] in time })
            return batch?.attempts.map(\.request.fairnessKey)
        }

        /// Ends what a connection has in flight.
        func free(_ connection: Int) {
            machine.slots[connection].batchesInFlight = 0
            machine.connectionShares.emptied(connection)
        }

        /// Ends a batch; returns those that are sent next.
        func complete(_ batch: PipelineBatch) -> [PipelineBatch] {
            let results = CompletedResults<Int>(
                completed: batch.attempts.map { ($0.request, .success(0)) }, batches: 1)
            let action = machine.completed(results, on: batch.connection, now: { [time] in time })
            var sent = [action.batch].compactMap(\.self)
            while action.dispatches, let next = machine.nextBatch(now: { [time] in time }) {
                sent.append(next)
            }
            return sent
        }
    }

    private static func keys(_ batch: PipelineBatch?) -> [UInt64?]? {
        batch?.attempts.map(\.request.fairnessKey)
    }

    @Test func `a key alone fills all connections`() {
        let pool = Pool()
        #expect(pool.submit(1, cost: 63)?.connection == 1)
        #expect(pool.submit(1, cost: 63)?.connection == 2)
        #expect(pool.submit(1, cost: 63) == nil)
    }

    @Test func `a key that fills a connection leaves the other one to others while they want it`() throws {
        let pool = Pool()
        #expect(pool.submit(2, cost: 1)?.connection == 1)
        let filled = try #require(pool.submit(1, cost: 63))
        #expect(filled.connection == 2)
        // The second connection is free in a moment, and not for this key.
        #expect(pool.submit(1, cost: 63) == nil)
        #expect(pool.submit(1, cost: 63) == nil)
        pool.free(1)
        #expect(pool.next() == nil)
        // A third caller is served at once.
        let third = try #require(pool.submit(3, cost: 1))
        #expect(third.connection == 1 && Self.keys(third) == [3])
        #expect(pool.complete(third).isEmpty)
        // Where it is done, its next statements follow, as many as a batch takes.
        #expect(pool.complete(filled).map { Self.keys($0) } == [[1, 1]])
    }

    @Test func `it gets the other one when nobody has wanted it for a while`() throws {
        let pool = Pool()
        let small = try #require(pool.submit(2, cost: 1))
        #expect(pool.submit(1, cost: 63)?.connection == 2)
        #expect(pool.submit(1, cost: 63) == nil)
        pool.time += ConnectionShares.interest
        #expect(pool.complete(small).map { Self.keys($0) } == [[1]])
    }

    @Test func `small batches keep nobody from a connection`() {
        let pool = Pool()
        #expect(pool.submit(2, cost: 1)?.connection == 1)
        pool.free(1)
        #expect(pool.submit(1, cost: 15)?.connection == 1)
        #expect(pool.submit(1, cost: 15)?.connection == 2)
    }

    @Test func `the cost of a batch is bounded`() throws {
        let pool = Pool()
        let first = try #require(pool.submit(1, cost: 63))
        let second = try #require(pool.submit(1, cost: 63))
        for _ in 0..<10 { pool.submit(1, cost: 63) }
        #expect(pool.complete(first).map(\.attempts.count) == [3])
        #expect(pool.complete(second).map(\.attempts.count) == [3])
    }

    @Test func `what the program asks by itself keeps nobody from a connection`() {
        let pool = Pool()
        #expect(pool.submit(nil, cost: 63)?.connection == 1)
        pool.free(1)
        #expect(pool.submit(1, cost: 63)?.connection == 1)
        #expect(pool.submit(1, cost: 63)?.connection == 2)
    }
}
