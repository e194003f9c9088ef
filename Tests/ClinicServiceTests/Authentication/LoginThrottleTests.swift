// The login throttle on a clock of its own.
import ClinicService
import Testing

@Suite struct LoginThrottleTests {
    private let throttle = LoginThrottle()
    private let start = ContinuousClock.now

    private func fail(_ account: String, _ peer: String, at seconds: Int) throws {
        try throttle.check(account: account, peer: peer, now: start + .seconds(seconds))
        try throttle.record(succeeded: false, account: account, peer: peer, now: start + .seconds(seconds))
    }

    private func wait(_ account: String, _ peer: String, at seconds: Int) -> Duration? {
        do throws(LoginThrottled) {
            try throttle.check(account: account, peer: peer, now: start + .seconds(seconds))
            return nil
        } catch { return error.retryAfter }
    }

    @Test func `the eleventh attempt waits until the first is a quarter of an hour old`() throws {
        for second in 0..<10 { try fail("a@b.c", "10.0.0.1", at: second) }
        #expect(wait("a@b.c", "10.0.0.1", at: 10) == .seconds(890))
        #expect(wait("a@b.c", "10.0.0.1", at: 899) == .seconds(1))
        #expect(wait("a@b.c", "10.0.0.1", at: 900) == nil)
        // The second failure still counts: one more and nine older ones are ten again.
        try fail("a@b.c", "10.0.0.1", at: 900)
        #expect(wait("a@b.c", "10.0.0.1", at: 900) == .seconds(1))
    }

    @Test func `another peer or another account need not wait`() throws {
        for second in 0..<10 { try fail("a@b.c", "10.0.0.1", at: second) }
        #expect(wait("a@b.c", "10.0.0.2", at: 10) == nil)
        #expect(wait("b@b.c", "10.0.0.1", at: 10) == nil)
        // The same letters divided otherwise.
        #expect(wait("a@b.c1", "0.0.0.1", at: 10) == nil)
    }

    @Test func `a success forgets the failures`() throws {
        for second in 0..<9 { try fail("a@b.c", "p", at: second) }
        try throttle.record(succeeded: true, account: "a@b.c", peer: "p", now: start + .seconds(9))
        for second in 10..<20 { try fail("a@b.c", "p", at: second) }
        #expect(wait("a@b.c", "p", at: 20) == .seconds(890))
    }

    @Test func `a guess that was under way when the door shut learns nothing`() throws {
        for _ in 0..<20 { try throttle.check(account: "a@b.c", peer: "p", now: start) }
        for _ in 0..<10 { try throttle.record(succeeded: false, account: "a@b.c", peer: "p", now: start) }
        for succeeded in [true, false] {
            #expect(throws: LoginThrottled.self) {
                try throttle.record(succeeded: succeeded, account: "a@b.c", peer: "p", now: start)
            }
        }
        #expect(wait("a@b.c", "p", at: 0) == .seconds(900))
    }

    @Test func `many right passwords at once are no failures`() throws {
        for _ in 0..<100 { try throttle.check(account: "a@b.c", peer: "p", now: start) }
        for _ in 0..<100 { try throttle.record(succeeded: true, account: "a@b.c", peer: "p", now: start) }
        #expect(throttle.count == 0)
    }

    @Test func `memory is bounded, and who is shut out stays shut out`() throws {
        let small = LoginThrottle(failureLimit: 3, window: .seconds(60), capacity: 100)
        for _ in 0..<3 { try small.record(succeeded: false, account: "victim", peer: "p", now: start) }
        for number in 0..<5_000 {
            try small.record(
                succeeded: false, account: "a\(number)", peer: "p", now: start + .milliseconds(number))
            #expect(small.count <= 100)
        }
        #expect(throws: LoginThrottled.self) {
            try small.check(account: "victim", peer: "p", now: start + .seconds(5))
        }
        let large = String(repeating: "x", count: 1 << 18)
        try small.record(succeeded: false, account: large, peer: large, now: start + .seconds(6))
        try small.record(succeeded: false, account: "late", peer: "p", now: start + .seconds(3_600))
        #expect(small.count <= 100)
    }
}
