// What a pool decides at each event.

import Testing

@testable import PostgreSQL

struct PoolStateMachineTests {
    private static let statement = Statement("SELECT 1")
    private static let start = ContinuousClock.now
    private static func now() -> ContinuousClock.Instant { start }

    private func request(
        isPointRead: Bool = false, affinityKey: Int64? = nil, fairnessKey: UInt64? = nil
    ) -> StatementRequest {
        StatementRequest(
            Self.statement, [], isPointRead: isPointRead, affinityKey: affinityKey, fairnessKey: fairnessKey)
    }

    /// A pool whose connections are up.
    private func machine(
        _ purpose: ConnectionPurpose = .writes, connections: Int = 1,
        _ change: (inout DatabaseConfiguration) -> Void = { _ in }
    ) -> PoolStateMachine {
        var limits = DatabaseConfiguration(url: "")
        change(&limits)
        var machine = PoolStateMachine(purpose: purpose, connections: connections, limits: limits)
        machine.start(until: Self.start)
        for connection in 0..<connections {
            machine.connectionStarted(connection)
            _ = machine.connectionUp(connection, generation: 1, at: Self.start)
        }
        return machine
    }

    /// One batch came back with all its results.
    private func completed(_ batch: PipelineBatch?) -> CompletedResults<Int> {
        CompletedResults(completed: batch?.attempts.map { ($0.request, .success(0)) } ?? [], batches: 1)
    }

    @Test func `a request is sent at once while a connection is idle, and waits otherwise`() {
        var machine = machine()
        let first = machine.submit(request(), isBatched: false, now: Self.now)
        #expect(first.batch?.attempts.count == 1)
        for _ in 0..<3 {
            #expect(machine.submit(request(), isBatched: false, now: Self.now).batch == nil)
        }
        let next = machine.completed(completed(first.batch), on: 0, now: Self.now)
        #expect(next.batch?.attempts.count == 3)
        #expect(machine.snapshot.batches == 2 && machine.snapshot.inFlight == 3)
    }

    @Test func `requests of a caller's batch wait until it is flushed`() {
        var machine = machine()
        for _ in 0..<3 { #expect(machine.submit(request(), isBatched: true, now: Self.now).batch == nil) }
        #expect(machine.nextBatch(now: Self.now)?.attempts.count == 3)
        #expect(machine.nextBatch(now: Self.now) == nil)
    }

    @Test func `a batch is bounded`() {
        var machine = machine { $0.batchLimit = 2 }
        for _ in 0..<3 { _ = machine.submit(request(), isBatched: true, now: Self.now) }
        let batch = machine.nextBatch(now: Self.now)
        #expect(batch?.attempts.count == 2)
        #expect(machine.completed(completed(batch), on: 0, now: Self.now).batch?.attempts.count == 1)
    }

    @Test func `a full queue refuses, unless another key has more in it`() {
        var machine = machine { $0.queueLimit = 3 }
        let hog = (0..<3).map { _ in request(fairnessKey: 1) }
        for request in hog { _ = machine.submit(request, isBatched: true, now: Self.now) }
        let refused = request(fairnessKey: 1)
        #expect(machine.submit(refused, isBatched: true, now: Self.now).failed?.request === refused)
        let displacing = machine.submit(request(fairnessKey: 2), isBatched: true, now: Self.now)
        #expect(displacing.failed?.request === hog[2])
        #expect(displacing.failed?.error.kind == .queueFull)
        #expect(machine.snapshot.waiting == 3 && machine.snapshot.refused == 2)
    }

    @Test func `writes with an affinity key take its connection, while that is up`() {
        var machine = machine(connections: 2)
        for key in [0, 1, 2, -2, 3] as [Int64] {
            _ = machine.submit(request(affinityKey: key), isBatched: true, now: Self.now)
        }
        #expect(machine.nextBatch(for: 0, now: Self.now)?.attempts.map(\.request.affinityKey) == [0, 2, -2])
        _ = machine.connectionDown(1)
        _ = machine.completed(
            CompletedResults<Int>(batches: 1), on: 0, now: Self.now)
        #expect(machine.snapshot.waiting == 0)
    }

    @Test func `point reads have the first connection, and others the rest`() {
        var machine = machine(.reads, connections: 2)
        _ = machine.submit(request(), isBatched: true, now: Self.now)
        _ = machine.submit(request(isPointRead: true), isBatched: true, now: Self.now)
        #expect(machine.nextBatch(for: 0, now: Self.now)?.attempts.map(\.request.isPointRead) == [true])
        #expect(machine.nextBatch(for: 1, now: Self.now)?.attempts.map(\.request.isPointRead) == [false])
    }

    @Test func `a request that failed with others goes with the next batch, with a Sync of its own`() {
        var machine = machine()
        let first = machine.submit(request(), isBatched: false, now: Self.now).batch
        _ = machine.submit(request(), isBatched: false, now: Self.now)
        var attempt = first?.attempts[0]
        attempt?.alone = true
        let action = machine.completed(
            CompletedResults<Int>(again: attempt.map { [$0] } ?? [], batches: 1), on: 0, now: Self.now)
        #expect(action.batch?.sharedCount == 1)
        #expect(action.batch?.transactions == 2)
        #expect(action.batch?.attempts.map(\.sequenceNumber) == [2, 1])
        #expect(machine.snapshot.retries == 1)
    }

    @Test func `a request that pauses keeps a closing pool open, and is sent again afterwards`() {
        var machine = machine()
        let batch = machine.submit(request(), isBatched: false, now: Self.now).batch
        _ = machine.completed(
            CompletedResults<Int>(later: batch?.attempts ?? [], batches: 1), on: 0, now: Self.now)
        _ = machine.close()
        #expect(machine.shouldEnd(0) == false)
        #expect(batch.flatMap { machine.retryTimerFired($0.attempts[0], now: Self.now) } == nil)
        #expect(machine.nextBatch(now: Self.now)?.attempts.count == 1)
    }

    @Test func `pauses grow with the failures, and are random`() {
        var generator = SeededGenerator(seed: 1)
        for (failures, longest) in [(1, 10), (3, 40), (20, 320)] {
            let attempt = Attempt(request: request(), sequenceNumber: 1, failures: failures)
            let pauses = (0..<200).map { _ in PoolStateMachine.pause(before: attempt, using: &generator) }
            #expect(pauses.allSatisfy { $0 >= .milliseconds(1) && $0 <= .milliseconds(longest) })
            #expect(pauses.contains { $0 > .milliseconds(longest) / 2 })
        }
    }

    @Test func `a cancelled request leaves the queue`() {
        var machine = machine()
        let batch = machine.submit(request(), isBatched: false, now: Self.now).batch
        let waiting = request()
        _ = machine.submit(waiting, isBatched: false, now: Self.now)
        guard case .fail(let error) = machine.cancel(waiting) else {
            Issue.record("another action")
            return
        }
        #expect(error.kind == .cancelled)
        #expect(machine.snapshot.waiting == 0)
        #expect(machine.completed(completed(batch), on: 0, now: Self.now).batch == nil)
    }

    @Test func `a request that is cancelled before it is submitted is not sent`() {
        var machine = machine()
        let early = request()
        _ = machine.cancel(early)
        let action = machine.submit(early, isBatched: false, now: Self.now)
        #expect(action.batch == nil && action.failed?.error.kind == .cancelled)
    }

    @Test(arguments: [ConnectionPurpose.reads, .writes])
    func `a request that was sent is cancelled on the server, and a read ends at once`(
        purpose: ConnectionPurpose
    ) {
        var machine = machine(purpose)
        let sent = request()
        _ = machine.submit(sent, isBatched: false, now: Self.now)
        switch machine.cancel(sent) {
        case .failAndCancelOnServer(_, connection: 0): #expect(purpose == .reads)
        case .cancelOnServer(connection: 0): #expect(purpose == .writes)
        default: Issue.record("another action")
        }
        #expect(!sent.isWanted || purpose == .reads)
    }

    @Test func `an outage lets requests wait, and fails them when it lasts`() {
        var machine = machine()
        guard case .startOutageTimer(let outage) = machine.connectionDown(0) else {
            Issue.record("no timer")
            return
        }
        let waiting = request()
        #expect(machine.submit(waiting, isBatched: false, now: Self.now).failed == nil)
        #expect(machine.isAvailable == true)
        #expect(machine.outageTimerFired(outage: outage)?.map(\.error.kind) == [.unavailable])
        #expect(machine.isAvailable == false)
        #expect(machine.submit(request(), isBatched: false, now: Self.now).failed?.error.kind == .unavailable)
        #expect(machine.connectionUp(0, generation: 2, at: Self.start).endsOutage == true)
        #expect(machine.isAvailable && machine.snapshot.reconnects == 1)
    }

    @Test func `an outage that is over is not failed by its timer`() {
        var machine = machine()
        guard case .startOutageTimer(let outage) = machine.connectionDown(0) else { return }
        _ = machine.submit(request(), isBatched: false, now: Self.now)
        _ = machine.connectionUp(0, generation: 2, at: Self.start)
        _ = machine.connectionDown(0)
        #expect(machine.outageTimerFired(outage: outage) == nil)
        #expect(machine.snapshot.waiting == 1)
    }

    @Test func `a batch that could not be sent is sent by another connection`() {
        var machine = machine(connections: 2)
        guard let batch = machine.submit(request(), isBatched: false, now: Self.now).batch else { return }
        #expect(machine.sendFailed(batch.attempts, of: batch, now: Self.now).isEmpty == true)
        #expect(machine.nextBatch(now: Self.now)?.connection == 1)
        #expect(machine.snapshot.inFlight == 1)
    }

    @Test func `a start waits for a server that is starting up, until the deadline`() {
        var machine = PoolStateMachine(
            purpose: .reads, connections: 1, limits: DatabaseConfiguration(url: ""))
        machine.start(until: Self.start + .seconds(10))
        machine.connectionStarted(0)
        #expect(machine.connectionFailed(serverIsStarting: true, at: Self.start) == false)
        #expect(machine.isStarting == true)
        #expect(machine.connectionFailed(serverIsStarting: true, at: Self.start + .seconds(10)) == true)
        #expect(machine.isStarting == false)
    }

    @Test func `a start ends when all connections are up`() {
        var machine = PoolStateMachine(
            purpose: .reads, connections: 2, limits: DatabaseConfiguration(url: ""))
        machine.start(until: Self.start)
        #expect(machine.connectionUp(0, generation: 1, at: Self.start).endsStart == false)
        #expect(machine.connectionUp(1, generation: 1, at: Self.start).endsStart == true)
    }

    @Test func `closing finishes what was accepted, and forced closing fails it`() {
        for isForced in [false, true] {
            var machine = machine()
            let batch = machine.submit(request(), isBatched: false, now: Self.now).batch
            _ = machine.submit(request(), isBatched: false, now: Self.now)
            #expect(machine.close() == false)
            if isForced { machine.forceClose() }
            #expect(machine.submit(request(), isBatched: false, now: Self.now).failed?.error == .poolClosed)
            #expect(machine.shouldEnd(0) == isForced)
            if isForced {
                #expect(machine.connectionEnded(0)?.map(\.error) == [.poolClosed])
            } else {
                let last = machine.completed(completed(batch), on: 0, now: Self.now).batch
                #expect(machine.shouldEnd(0) == false)
                _ = machine.completed(completed(last), on: 0, now: Self.now)
                #expect(machine.shouldEnd(0) == true)
                #expect(machine.connectionEnded(0)?.isEmpty == true)
            }
            #expect(machine.hasEnded == true)
        }
    }

    @Test func `admission control goes by the drain rate of the queue`() {
        var machine = machine {
            $0.batchLimit = 1
            $0.longestWait = .milliseconds(100)
        }
        var time = Self.start
        var batch = machine.submit(request(), isBatched: false, now: { time }).batch
        for _ in 0..<100 { _ = machine.submit(request(), isBatched: false, now: { time }) }
        #expect(machine.admits(isPointRead: false, now: { time }) == true)
        for _ in 0..<11 {
            time += .milliseconds(10)
            batch = machine.completed(completed(batch), on: 0, now: { time }).batch
        }
        // 89 of them, at 100 a second.
        #expect(machine.admits(isPointRead: false, now: { time }) == false)
        for _ in 0..<85 {
            time += .milliseconds(10)
            batch = machine.completed(completed(batch), on: 0, now: { time }).batch
        }
        #expect(machine.admits(isPointRead: false, now: { time }) == true)
        #expect(machine.snapshot.refused == 1)
    }

    @Test func `admission control rejects whoever fills the queue, and nobody else`() {
        var machine = machine {
            $0.batchLimit = 1
            $0.longestWait = .milliseconds(100)
        }
        var time = Self.start
        var batch = machine.submit(request(fairnessKey: 1), isBatched: false, now: { time }).batch
        for _ in 0..<100 { _ = machine.submit(request(fairnessKey: 1), isBatched: false, now: { time }) }
        for _ in 0..<11 {
            time += .milliseconds(10)
            batch = machine.completed(completed(batch), on: 0, now: { time }).batch
        }
        #expect(machine.isCongested(isPointRead: false, now: { time }) == true)
        #expect(machine.admits(isPointRead: false, fairnessKey: 1, now: { time }) == false)
        #expect(machine.admits(isPointRead: false, fairnessKey: 2, now: { time }) == true)
        // The ninth of another key would be taken behind eight of each.
        for _ in 0..<8 { _ = machine.submit(request(fairnessKey: 2), isBatched: false, now: { time }) }
        #expect(machine.admits(isPointRead: false, fairnessKey: 2, now: { time }) == false)
        #expect(machine.admits(isPointRead: false, fairnessKey: 3, now: { time }) == true)
    }
}
