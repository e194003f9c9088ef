// How many calls a second somebody may make, by a bucket of tokens for each holder of a share: a bucket holds a burst, and is
// filled at the rate. It is kept as the time at which it will be full again (the generic cell rate algorithm), one number,
// so that a call costs one atomic exchange and no lock.
//
// The buckets lie in a table by the hash of their holder, so their memory is bounded. Two holders with the same hash, one pair
// in 16,384, have one bucket together.

internal import Synchronization

/// A rate of calls, with the number that may come at once.
public struct Rate: Sendable, Hashable {
    /// The time from one call to the next, a microsecond to an hour.
    public let interval: Duration
    /// How many calls may come at once after a rest, 1 to a million.
    public let burst: Int

    /// A rate of one call in each interval.
    public init(interval: Duration, burst: Int) {
        self.interval = min(max(interval, .microseconds(1)), .seconds(3600))
        self.burst = min(max(burst, 1), 1_000_000)
    }

    /// A rate of so many calls a second.
    public init(perSecond: Int, burst: Int) {
        self.init(interval: .seconds(1) / max(perSecond, 1), burst: burst)
    }
}

/// Limits the rate of calls of each holder; usable from any thread.
public final class RateLimit: @unchecked Sendable {
    private let interval: Int64
    private let fillingTime: Int64
    private let start: ContinuousClock.Instant
    // The memory is as unchanging as the pointer; what lies in it is atomic. When each bucket is full again, in nanoseconds
    // since the start.
    private let fullAgain: UnsafeMutablePointer<Atomic<Int64>>

    /// All buckets are full.
    public init(_ rate: Rate, now: ContinuousClock.Instant = .now) {
        interval = Self.nanoseconds(rate.interval)
        fillingTime = interval * Int64(rate.burst)
        start = now
        fullAgain = .allocate(capacity: ShareSlot.count)
        for index in 0..<ShareSlot.count { (fullAgain + index).initialize(to: Atomic(0)) }
    }

    deinit {
        fullAgain.deinitialize(count: ShareSlot.count)
        fullAgain.deallocate()
    }

    /// Counts a call; if the bucket is empty, how long the caller should wait for the next one, and the call does not count.
    public func wait(of key: ShareKey, now: ContinuousClock.Instant = .now) -> Duration? {
        let slot = ShareSlot(key).index
        let time = Self.nanoseconds(start.duration(to: now))
        let bucket = UnsafeMutablePointer(fullAgain + Int(slot))
        var before = bucket.pointee.load(ordering: .relaxed)
        while true {
            let after = max(before, time) + interval
            if after - time > fillingTime { return .nanoseconds(after - time - fillingTime) }
            let (exchanged, original) = bucket.pointee.weakCompareExchange(
                expected: before, desired: after, ordering: .relaxed)
            if exchanged { return nil }
            before = original
        }
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
    }
}
