// What a connection makes of each thing that the server sends.

import Testing

@testable import PostgreSQL

struct PipelineStateMachineTests {
    private typealias Machine = PipelineStateMachine<SimulatedResponse>
    private static let violation = DatabaseError(.server(.uniqueViolation), "refused")
    private static let deadlock = DatabaseError(.server(.deadlockDetected), "refused")

    /// A connection with some requests on it, in one batch.
    private struct Line: ~Copyable {
        var machine: Machine
        let requests: [StatementRequest]
        var results = CompletedResults<Int>()

        init(_ purpose: ConnectionPurpose, count: Int, alone: Bool = false, failures: Int = 0) {
            machine = Machine(purpose: purpose, attemptLimit: 3)
            machine.connected(at: .now)
            requests = (0..<count).map { _ in
                let request = StatementRequest(Statement("SELECT 1"), [], isPointRead: false)
                _ = request.move(from: .new, to: .taken)
                return request
            }
            let attempts = requests.enumerated().map { number, request in
                Attempt(
                    request: request, sequenceNumber: UInt64(number + 1), failures: failures, alone: alone)
            }
            for place in attempts.indices {
                _ = machine.execute(attempts[place...place], statement: 1, types: [], alone: alone)
            }
            machine.sync(statements: count)
            // The Prepare of the first.
            receive([.completed(SimulatedResponse(columnTypes: [])), .endOfStatement])
        }

        mutating func receive(_ inputs: [Machine.Input]) {
            for input in inputs { machine.receive(input, into: &results) }
            machine.compact()
        }

        static func succeed(_ number: Int) -> [Machine.Input] {
            [.completed(SimulatedResponse(callers: [number])), .endOfStatement]
        }

        static var sync: Machine.Input { .sync(transactionIsOpen: false, sawWarning: false) }

        /// The number each caller was given, −1 for an error; by the caller's number.
        var told: [Int: Int] {
            var told: [Int: Int] = [:]
            for (request, outcome) in results.completed {
                let number = requests.firstIndex { $0 === request } ?? -1
                told[number] = (try? outcome.get()) ?? -1
            }
            return told
        }

        var errors: [DatabaseError.Kind] {
            results.completed.compactMap {
                if case .failure(let error) = $0.outcome { error.kind } else { nil }
            }
        }
    }

    @Test func `the result of a read is delivered at once`() {
        var line = Line(.reads, count: 2)
        line.receive(Line.succeed(0))
        #expect(line.told == [0: 0])
        line.receive(Line.succeed(1) + [Line.sync])
        #expect(line.told == [0: 0, 1: 1])
        #expect(line.results.batches == 1 && !line.machine.isBusy)
    }

    @Test func `the result of a write is delivered with its Sync`() {
        var line = Line(.writes, count: 2)
        line.receive(Line.succeed(0) + Line.succeed(1))
        #expect(line.results.completed.isEmpty)
        line.receive([Line.sync])
        #expect(line.told == [0: 0, 1: 1])
    }

    @Test func `one error sends every request of the batch again alone`() {
        var line = Line(.writes, count: 3)
        line.receive(
            Line.succeed(0)
                + [.failed(Self.violation), .endOfStatement, .aborted, .endOfStatement, Line.sync])
        #expect(line.results.completed.isEmpty)
        #expect(line.results.again.map(\.sequenceNumber) == [1, 2, 3])
        #expect(line.results.again.allSatisfy { $0.alone && $0.failures == 0 })
    }

    @Test func `an error of a request that was alone is its own`() {
        var line = Line(.writes, count: 1, alone: true)
        line.receive([.failed(Self.violation), .endOfStatement, Line.sync])
        #expect(line.errors == [.server(.uniqueViolation)])
        #expect(line.results.again.isEmpty && line.results.later.isEmpty)
    }

    @Test func `an error of the commit is that of the batch`() {
        var line = Line(.writes, count: 1)
        line.receive(Line.succeed(0) + [.failed(Self.violation), .endOfStatement, Line.sync])
        #expect(line.errors == [.server(.uniqueViolation)])
    }

    @Test func `a deadlock is tried again later, until the limit`() {
        for failures in 0..<3 {
            var line = Line(.writes, count: 1, failures: failures)
            line.receive([.failed(Self.deadlock), .endOfStatement, Line.sync])
            #expect(line.results.later.map(\.failures) == (failures < 2 ? [failures + 1] : []))
            #expect(line.errors == (failures < 2 ? [] : [.server(.deadlockDetected)]))
        }
    }

    @Test func `a statement that the server forgot is prepared again`() {
        var line = Line(.reads, count: 1)
        line.receive([
            .failed(DatabaseError(.server(.invalidSQLStatementName), "refused")), .endOfStatement, Line.sync,
        ])
        #expect(line.results.again.count == 1)
        let execution = line.machine.execute(line.results.again[...], statement: 1, types: [], alone: true)
        #expect(execution.needsPrepare)
    }

    @Test func `a prepared statement is used again, but by one that is alone only once it is confirmed`() {
        var machine = Machine(purpose: .reads, attemptLimit: 3)
        machine.connected(at: .now)
        #expect(machine.execute([], statement: 1, types: [20], alone: false).needsPrepare == true)
        #expect(machine.execute([], statement: 1, types: [20], alone: false).needsPrepare == false)
        #expect(machine.execute([], statement: 1, types: [25], alone: false).needsPrepare == true)
        #expect(machine.execute([], statement: 1, types: [20], alone: true).needsPrepare == true)
    }

    @Test(arguments: [ConnectionPurpose.reads, .writes])
    func `a lost connection sends reads again, and leaves the outcome of writes unknown`(
        purpose: ConnectionPurpose
    ) {
        var line = Line(purpose, count: 2)
        line.receive(Line.succeed(0) + [.connectionError("lost")])
        #expect(line.results.lost == "lost")
        line.machine.connectionLost(&line.results)
        if purpose == .reads {
            #expect(line.told == [0: 0])
            #expect(line.results.again.map(\.sequenceNumber) == [2])
        } else {
            #expect(line.errors == [.outcomeUnknown, .outcomeUnknown])
        }
        #expect(!line.machine.isBusy && !line.machine.isConnected)
    }

    @Test func `writes that the server did not finish before it announced its end are sent again`() {
        var line = Line(.writes, count: 2)
        line.receive(Line.succeed(0) + [.shutdown("going away")])
        line.machine.connectionLost(&line.results)
        #expect(line.results.completed.isEmpty)
        #expect(line.results.again.map(\.sequenceNumber) == [1, 2])
    }

    @Test func `writes whose commit the server was at when it announced its end are unknown`() {
        var line = Line(.writes, count: 1)
        line.receive(Line.succeed(0) + [.shutdown("going away")])
        line.machine.connectionLost(&line.results)
        #expect(line.errors == [.outcomeUnknown])
    }

    @Test func `a result that does not fit gives the connection up and is delivered to nobody`() {
        let wrong: [[Machine.Input]] = [
            [Line.sync], [.endOfStatement], [.unexpected],
            [.completed(SimulatedResponse(callers: [1, 2]))],
            Line.succeed(0) + [.completed(SimulatedResponse(columnTypes: [25], callers: [1]))],
            [.completed(SimulatedResponse(callers: [0])), .completed(SimulatedResponse(callers: [1]))],
        ]
        for inputs in wrong {
            var line = Line(.writes, count: 2)
            line.receive(inputs)
            #expect(line.results.lost != nil)
            #expect(line.results.completed.isEmpty)
        }
    }

    @Test func `a transaction that is left open gives the connection up`() {
        var line = Line(.writes, count: 1)
        line.receive(Line.succeed(0) + [.sync(transactionIsOpen: true, sawWarning: false)])
        #expect(line.results.lost != nil)
        #expect(line.told == [0: 0])
    }

    @Test func `what was sent without its Sync is not owed`() {
        var line = Line(.writes, count: 1)
        _ = line.machine.execute([], statement: 2, types: [], alone: false)
        line.machine.sendFailed()
        #expect(line.machine.isBroken == true)
        line.receive(Line.succeed(0) + [Line.sync])
        #expect(line.told == [0: 0])
        #expect(line.machine.isBusy == false)
        #expect(line.machine.canSend(generation: 1, at: .now) == false)
    }

    @Test func `a cancellation that hits another request sends it again`() {
        let cancelled = DatabaseError(.server(.queryCancelled), "cancelled")
        var line = Line(.writes, count: 1)
        #expect(line.machine.unwanted == .nowhere)
        _ = line.requests[0].move(from: .taken, to: .unwanted)
        #expect(line.machine.unwanted == .current)
        line.machine.startCancelling()
        line.receive([.failed(cancelled), .endOfStatement, Line.sync])
        #expect(line.results.again.count == 1 && line.results.completed.isEmpty)
        // One that was not exposed was cancelled by its own time limit.
        line = Line(.writes, count: 1)
        line.receive([.failed(cancelled), .endOfStatement, Line.sync])
        #expect(line.errors == [.server(.queryCancelled)])
    }

    @Test func `a commit that was cancelled while it waited for a standby is unknown`() {
        var line = Line(.writes, count: 1)
        line.machine.startCancelling()
        line.receive(Line.succeed(0) + [.sync(transactionIsOpen: false, sawWarning: true)])
        #expect(line.errors == [.outcomeUnknown])
    }
}

struct CancelSchedulerTests {
    private typealias Unwanted = PipelineStateMachine<SimulatedResponse>.Unwanted

    @Test func `the server is asked after a delay, and less often while the same statement runs`() {
        let start = ContinuousClock.now
        var scheduler = CancelScheduler(delay: .milliseconds(100))
        #expect(!scheduler.isDue(at: start + .seconds(1)))
        scheduler.start(at: start)
        #expect(!scheduler.isDue(at: start + .milliseconds(99)))
        #expect(scheduler.timeLeft(at: start) == .milliseconds(100))
        var now = start
        for pause in [100, 200, 400] {
            now += scheduler.timeLeft(at: now)
            #expect(scheduler.isDue(at: now))
            #expect(scheduler.fire(Unwanted.current, lastSign: start, at: now) == .cancel)
            #expect(scheduler.timeLeft(at: now) == .milliseconds(pause))
        }
        #expect(scheduler.fire(Unwanted.later, lastSign: start, at: now) == .none)
        #expect(scheduler.timeLeft(at: now) == .milliseconds(100))
        #expect(scheduler.fire(Unwanted.nowhere, lastSign: start, at: now) == .none)
        #expect(!scheduler.isDue(at: now + .seconds(60)))
    }
}
