// Thousands of random schedules of callers, servers, losses and timers, each step checked by SimulatedPool; in the end every
// caller has exactly one outcome, and it is what the server has committed.

import Testing

@testable import PostgreSQL

/// SplitMix64: the same schedule for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func isLucky(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

struct RandomScheduleTests {
    private static let statements = [
        Statement("SELECT 1 FROM single"), Statement("SELECT 2 FROM single"),
        Statement("SELECT 1 FROM both", batched: "SELECT 1 FROM all"),
        Statement("SELECT 2 FROM both", batched: "SELECT 2 FROM all", isLong: true),
    ]

    /// One schedule.
    private struct Schedule {
        var generator: SeededGenerator
        let pool: SimulatedPool
        /// How often out of a hundred steps something breaks.
        let trouble: Int

        init(seed: UInt64, purpose: ConnectionPurpose) {
            generator = SeededGenerator(seed: seed)
            var limits = DatabaseConfiguration(url: "")
            limits.queueLimit = Int.random(in: 1...20, using: &generator)
            limits.batchLimit = Int.random(in: 1...8, using: &generator)
            trouble = Int.random(in: 0...10, using: &generator)
            pool = SimulatedPool(
                purpose: purpose, connections: Int.random(in: 1...3, using: &generator), limits: limits)
        }

        mutating func run(steps: Int) throws(InvariantViolation) {
            for index in pool.connections.indices { try pool.connect(index) }
            for _ in 0..<steps { try step() }
            try finish()
        }

        private mutating func step() throws(InvariantViolation) {
            pool.time += .microseconds(Int.random(in: 0...1_000, using: &generator))
            let index = Int.random(in: 0..<pool.connections.count, using: &generator)
            if generator.isLucky(trouble) { return try breakSomething(index) }
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...2: try submit()
            case 3 where !pool.callers.isEmpty && generator.isLucky(30):
                try pool.cancel(
                    Int.random(in: max(0, pool.callers.count - 20)..<pool.callers.count, using: &generator))
            case 4: try pool.dispatch()
            case 5 where !pool.retryTimers.isEmpty:
                try pool.fireRetryTimer(Int.random(in: 0..<pool.retryTimers.count, using: &generator))
            case 6 where generator.isLucky(50): try pool.connect(index)
            case 7: pool.cancellationArrives(at: index)
            case 8: try pool.receive(index, limit: Int.random(in: 1...12, using: &generator))
            default: for _ in 0..<4 { pool.connections[index].server?.step() }
            }
        }

        private mutating func submit() throws(InvariantViolation) {
            let behaviour: SimulatedBehaviour =
                switch Int.random(in: 0..<40, using: &generator) {
                case 0: .violatesConstraint
                case 1: .failsAtCommit
                case 2, 3: .deadlocks(times: Int.random(in: 1...5, using: &generator))
                case 4: .isForgotten(times: 1)
                default: .succeeds
                }
            let key = Int.random(in: 0...4, using: &generator)
            try pool.submit(
                RandomScheduleTests.statements.randomElement(using: &generator)
                    ?? RandomScheduleTests.statements[0], behaviour,
                affinityKey: generator.isLucky(50) ? Int64.random(in: -3...3, using: &generator) : nil,
                fairnessKey: key == 0 ? nil : UInt64(key), isBatched: generator.isLucky(40))
        }

        private mutating func breakSomething(_ index: Int) throws(InvariantViolation) {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: pool.connections[index].sends = false
            case 1 where !pool.outageTimers.isEmpty: try pool.fireOutageTimer()
            case 2: pool.connections[index].server?.end(announced: true)
            default:
                guard let outbox = pool.connections[index].server?.outbox.count else { return }
                pool.connections[index].server?.end(announced: false)
                // What was on its way may be lost too.
                let kept = Int.random(in: 0...outbox, using: &generator)
                pool.connections[index].server?.outbox.removeLast(outbox - kept)
            }
        }

        /// Closes the pool, lets what goes on go on until everything has ended, and looks at the outcomes.
        private mutating func finish() throws(InvariantViolation) {
            _ = pool.machine.close()
            let isForced = generator.isLucky(30)
            if isForced { pool.machine.forceClose() }
            var rounds = 0
            while !pool.machine.hasEnded || !pool.retryTimers.isEmpty {
                for index in pool.connections.indices {
                    try pool.dispatch()
                    for _ in 0..<4 { pool.connections[index].server?.step() }
                    try pool.receive(index, limit: 100)
                    try pool.endIfOver(index)
                }
                while !pool.retryTimers.isEmpty { try pool.fireRetryTimer(0) }
                rounds += 1
                try pool.check(rounds < 1_000, "the pool does not end")
            }
            while !pool.outageTimers.isEmpty { try pool.fireOutageTimer() }
            try pool.check(pool.machine.statistics.inFlight == 0, "something is counted as in flight")
            for (number, caller) in pool.callers.enumerated() {
                let commits = pool.storage.commits[number]
                switch caller.outcome {
                case .success:
                    try pool.check(
                        pool.purpose == .reads || commits == 1, "\(number) is committed \(commits) times")
                case .failure(let error) where error.kind == .outcomeUnknown:
                    try pool.check(
                        pool.purpose == .writes && commits <= 1, "\(number) is committed \(commits) times")
                case .failure(let error):
                    try pool.check(
                        pool.purpose == .reads || commits == 0, "\(number) is committed and told \(error)")
                case nil: throw InvariantViolation(description: "caller \(number) is never told")
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `every caller has one outcome, its own, whatever happens`(forWrites: Bool) {
        let first = UInt64.random(in: 0...UInt64.max)
        for seed in (0..<800).map({ first &+ $0 }) {
            var schedule = Schedule(seed: seed, purpose: forWrites ? .writes : .reads)
            do throws(InvariantViolation) {
                try schedule.run(steps: 200)
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }
}
