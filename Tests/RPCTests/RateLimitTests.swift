// Buckets that are emptied and filled by a clock that is moved by hand.

import Testing

@testable import RPC

@Suite struct RateLimitTests {
    private static let start = ContinuousClock.now
    private static let key = ShareKey(user: 1)

    @Test func `a burst is let through, and then what the rate allows`() {
        let limit = RateLimit(Rate(perSecond: 50, burst: 1_000), now: Self.start)
        for _ in 0..<1_000 { #expect(limit.wait(of: Self.key, now: Self.start) == nil) }
        #expect(limit.wait(of: Self.key, now: Self.start) == .milliseconds(20))
        #expect(limit.wait(of: Self.key, now: Self.start + .milliseconds(19)) == .milliseconds(1))
        #expect(limit.wait(of: Self.key, now: Self.start + .milliseconds(20)) == nil)
        #expect(limit.wait(of: Self.key, now: Self.start + .milliseconds(20)) == .milliseconds(20))
        let later = Self.start + .seconds(1)
        #expect((0..<100).count { _ in limit.wait(of: Self.key, now: later) == nil } == 49)
    }

    @Test func `a bucket holds no more than a burst, however long nobody calls`() {
        let limit = RateLimit(Rate(perSecond: 10, burst: 3), now: Self.start)
        let later = Self.start + .seconds(86_400)
        #expect((0..<10).count { _ in limit.wait(of: Self.key, now: later) == nil } == 3)
    }

    @Test func `each holder has a bucket of its own`() {
        let limit = RateLimit(Rate(interval: .seconds(3600), burst: 1), now: Self.start)
        let allowed = (1...8).count { limit.wait(of: ShareKey(user: $0), now: Self.start) == nil }
        #expect(allowed == 8)
        #expect((1...8).allSatisfy { limit.wait(of: ShareKey(user: $0), now: Self.start) == .seconds(3600) })
    }
}
