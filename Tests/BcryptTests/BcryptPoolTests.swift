// The bcrypt pool: results, full queue, cancellation, and timing without an account.
import Bcrypt
import TestWaiting
import Testing

@Suite struct BcryptPoolTests {
    @Test func `the pool verifies a hash that it made`() async throws {
        let pool = try BcryptPool(cost: 4, threadCount: 2)
        let hash = try await pool.hash("correct horse")
        #expect(try await pool.verify("correct horse", against: hash).isRight)
        #expect(try await !pool.verify("wrong horse!", against: hash).isRight)
    }

    @Test(arguments: [nil, "", "*0", "$2b$04$short"] as [String?])
    func `no password matches a missing or malformed hash`(hash: String?) async throws {
        let pool = try BcryptPool(cost: 4, threadCount: 1)
        #expect(try await !pool.verify("correct horse", against: hash).isRight)
        #expect(try await !pool.verify("", against: hash).isRight)
    }

    @Test func `passwords that bcrypt cannot take do not match`() async throws {
        let pool = try BcryptPool(cost: 4, threadCount: 1)
        let hash = try await pool.hash(String(repeating: "a", count: 72))
        for password in [
            "", "\u{0}", String(repeating: "a", count: 73), String(repeating: "a", count: 1 << 20),
        ] {
            #expect(try await !pool.verify(password, against: hash).isRight)
            #expect(try await !pool.verify(password, against: nil).isRight)
        }
        await #expect(throws: BcryptPoolError.bcrypt(.unhashablePassword)) {
            try await pool.hash(String(repeating: "a", count: 73))
        }
    }

    @Test func `a pool with an invalid cost is an error`() {
        #expect(throws: BcryptPoolError.bcrypt(.costOutOfRange)) { try BcryptPool(cost: 3) }
        #expect(throws: BcryptPoolError.bcrypt(.costOutOfRange)) { try BcryptPool(cost: 32) }
    }

    @Test func `concurrent callers all get their own result`() async throws {
        let pool = try BcryptPool(cost: 4, threadCount: 3, queueLimit: 200)
        let hash = try await pool.hash("password 7")
        let right = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            for number in 0..<100 {
                group.addTask {
                    (number, try await pool.verify("password \(number)", against: hash).isRight)
                }
            }
            return try await group.reduce(into: [Int]()) { if $1.1 { $0.append($1.0) } }
        }
        #expect(right == [7])
    }

    @Test func `a full queue rejects calls, and a cancelled call leaves the queue`() async throws {
        // Cost 13 keeps the one thread busy for about half a second.
        let pool = try BcryptPool(cost: 13, threadCount: 1, queueLimit: 1)
        let running = Task { try await pool.hash("the first") }
        try await eventually("a busy thread") { pool.busyThreadCount == 1 }
        let waiting = Task { try await pool.hash("the second") }
        try await eventually("a task in the queue") { pool.queuedCount == 1 }
        await #expect(throws: BcryptPoolError.queueFull) { try await pool.hash("the third") }
        await #expect(throws: BcryptPoolError.queueFull) { try await pool.verify("the third", against: nil) }
        waiting.cancel()
        await #expect(throws: BcryptPoolError.cancelled) { try await waiting.value }
        #expect(pool.queuedCount == 0)
        let hash = try await running.value
        #expect(hash.hasPrefix("$2b$13$"))
    }

    @Test func `a full queue rejects calls of whoever has most of it, and callers take turns`() async throws {
        let pool = try BcryptPool(cost: 13, threadCount: 1, queueLimit: 3)
        let running = Task { try await pool.hash("the first", fairnessKey: 1) }
        try await eventually("a busy thread") { pool.busyThreadCount == 1 }
        var greedy: [Task<String, any Error>] = []
        for count in 1...3 {
            greedy.append(Task { try await pool.hash("another one", fairnessKey: 1) })
            try await eventually("a task in the queue") { pool.queuedCount == count }
        }
        let (first, second, last) = (greedy[0], greedy[1], greedy[2])
        #expect(throws: BcryptPoolError.queueFull) { try pool.checkCapacity(fairnessKey: 1) }
        try pool.checkCapacity(fairnessKey: 2)
        let modest = Task { try await pool.hash("somebody else", fairnessKey: 2) }
        await #expect(throws: BcryptPoolError.queueFull) { try await last.value }
        #expect(pool.queuedCount == 3)
        _ = try await (running.value, modest.value)
        // At most one of the greedy came before it; the other still waits or runs.
        #expect(pool.queuedCount + pool.busyThreadCount >= 1)
        _ = try await (first.value, second.value)
        #expect(pool.rejectedCount == 2)
    }

    @Test func `a task cancelled before its call does not run`() async throws {
        let pool = try BcryptPool(cost: 4, threadCount: 1)
        let (signal, open) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            for await _ in signal {}
            return try await pool.hash("correct horse")
        }
        task.cancel()
        open.finish()
        await #expect(throws: BcryptPoolError.cancelled) { try await task.value }
    }

    @Test func `a wrong password takes the same work, whatever is stored`() async throws {
        let pool = try BcryptPool(cost: 8, threadCount: 1)
        let stored = [
            nil, "", "*0", try Bcrypt.hash("correct horse", cost: 4),
            try Bcrypt.hash("correct horse", cost: 7),
            try Bcrypt.hash("correct horse", cost: 8),
            "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ]
        for hash in stored {
            let before = pool.roundCount
            #expect(try await !pool.verify("wrong horse", against: hash).isRight)
            #expect(pool.roundCount - before == 1 << 8, "\(hash ?? "nil")")
        }
    }

    @Test func `an unknown account takes as long as a wrong password`() async throws {
        let pool = try BcryptPool(cost: 8, threadCount: 1)
        let hash = try Bcrypt.hash("correct horse", cost: 5)
        let clock = ContinuousClock()
        var known = Duration.seconds(3600)
        var unknown = known
        var ratio = 0.0
        // The shortest run shows the cost of the work. Other tests share the processors, so several tries may be
        // needed.
        for _ in 0..<50 where !(0.7...1.4).contains(ratio) {
            known = min(
                known, try await clock.measure { _ = try await pool.verify("wrong horse", against: hash) })
            unknown = min(
                unknown, try await clock.measure { _ = try await pool.verify("wrong horse", against: nil) })
            ratio = unknown / known
        }
        #expect((0.7...1.4).contains(ratio), "\(ratio)")
    }

    @Test(arguments: [4, 8, 9])
    func `a right password is hashed anew if the stored cost is another`(cost: Int) async throws {
        let pool = try BcryptPool(cost: 8, threadCount: 1)
        let old = try Bcrypt.hash("correct horse", cost: cost)
        let verification = try await pool.verify("correct horse", against: old)
        #expect(verification.isRight && (verification.newHash == nil) == (cost == 8))
        guard let new = verification.newHash else { return }
        #expect(new.hasPrefix("$2b$08$"))
        let again = try await pool.verify("correct horse", against: new)
        #expect(again.isRight && again.newHash == nil)
    }

    @Test func `a call of low priority goes last, and makes room in a full queue`() async throws {
        // Cost 13 keeps the one thread busy for about half a second.
        let pool = try BcryptPool(cost: 13, threadCount: 1, queueLimit: 2)
        let running = Task { try await pool.hash("the first") }
        try await eventually("a busy thread") { pool.busyThreadCount == 1 }
        let low = Task { try await pool.verify("a guess", against: nil, priority: .low) }
        try await eventually("one in the queue") { pool.queuedCount == 1 }
        let dropped = Task { try await pool.verify("a guess", against: nil, priority: .low) }
        try await eventually("two in the queue") { pool.queuedCount == 2 }
        try pool.checkCapacity()
        await #expect(throws: BcryptPoolError.queueFull) {
            try await pool.verify("a guess", against: nil, priority: .low)
        }
        let normal = Task { try await pool.verify("a password", against: nil) }
        await #expect(throws: BcryptPoolError.queueFull) { try await dropped.value }
        let order = try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                _ = try await low.value
                return "low"
            }
            group.addTask {
                _ = try await normal.value
                return "normal"
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(order == ["normal", "low"])
        _ = try await running.value
    }
}
