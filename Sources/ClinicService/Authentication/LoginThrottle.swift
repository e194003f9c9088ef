// After ten wrong passwords within 15 minutes for one account from one peer, logins are rejected until the oldest failure
// is 15 minutes old. Counting by the account alone would let a stranger lock its owner out.
//
// A login checks the throttle before the password is compared, and records its result after it. Many guesses may run at
// once, so recording can be rejected as well: whatever the password was, guess eleven and later learn nothing.
//
// Memory is bounded: a key is a digest, and when there are too many the oldest are evicted. Evicting an entry on purpose
// takes as many logins as there are entries, each of which costs a bcrypt run: longer than the window lasts.

internal import OpenSSL
internal import Synchronization

/// Too many wrong passwords: try again later.
public struct LoginThrottled: Error, Sendable, Hashable {
    /// How long the caller should wait, above 0 and at most the window.
    public let retryAfter: Duration
}

/// Counts failed logins per account and peer; usable from any thread.
public final class LoginThrottle: Sendable {
    private let state: Mutex<FailedLogins>

    /// Refuses after `failureLimit` failures within `window`, remembering at most `capacity` accounts and peers,
    /// of about 300 bytes each.
    public init(failureLimit: Int = 10, window: Duration = .seconds(15 * 60), capacity: Int = 16_384) {
        state = Mutex(FailedLogins(failureLimit: failureLimit, window: window, capacity: capacity))
    }

    /// Before a password is compared: throws when this account and peer must wait.
    public func check(
        account: String, peer: String, now: ContinuousClock.Instant = .now
    ) throws(LoginThrottled) {
        let key = LoginThrottle.key(account, peer)
        if let wait = state.withLock({ $0.wait(key, now) }) { throw LoginThrottled(retryAfter: wait) }
    }

    /// After it was compared: counts a failure, forgets them on success, and throws when the limit was reached by
    /// others meanwhile, in which case the result must not be told.
    public func record(
        succeeded: Bool, account: String, peer: String, now: ContinuousClock.Instant = .now
    ) throws(LoginThrottled) {
        let key = LoginThrottle.key(account, peer)
        let wait = state.withLock { state -> Duration? in
            if let wait = state.wait(key, now) { return wait }
            if succeeded { state.forget(key) } else { state.fail(key, now) }
            return nil
        }
        if let wait { throw LoginThrottled(retryAfter: wait) }
    }

    /// Accounts and peers that are remembered.
    public var count: Int { state.withLock { $0.count } }

    /// 32 bytes, whatever is sent as an e-mail address; its length comes first, so that no two pairs have one key.
    private static func key(_ account: String, _ peer: String) -> [UInt8] {
        let text = Array("\(account.utf8.count):\(account)\(peer)".utf8)
        // If libcrypto fails, all logins share one key, which only rejects more.
        return (try? SHA256.digest(text))?.bytes ?? []
    }
}

/// The counting itself, without a clock or a lock.
struct FailedLogins {
    private let failureLimit: Int
    private let window: Duration
    private let capacity: Int
    /// The last failures of a key, oldest first, at most `failureLimit`.
    private var failures: [[UInt8]: [ContinuousClock.Instant]] = [:]

    init(failureLimit: Int, window: Duration, capacity: Int) {
        self.failureLimit = max(1, failureLimit)
        self.window = window
        self.capacity = max(1, capacity)
    }

    var count: Int { failures.count }

    /// How long a key is still rejected; nil when it is not.
    func wait(_ key: [UInt8], _ now: ContinuousClock.Instant) -> Duration? {
        guard let times = failures[key], times.count >= failureLimit, let oldest = times.first else {
            return nil
        }
        let left = window - oldest.duration(to: now)
        return left > .zero ? min(left, window) : nil
    }

    mutating func fail(_ key: [UInt8], _ now: ContinuousClock.Instant) {
        if failures[key] == nil && failures.count >= capacity { makeRoom(now) }
        var times = failures[key, default: []]
        times.append(now)
        if times.count > failureLimit { times.removeFirst() }
        failures[key] = times
    }

    mutating func forget(_ key: [UInt8]) {
        failures[key] = nil
    }

    /// Evicts expired entries; if that is little, also the quarter that failed least recently.
    private mutating func makeRoom(_ now: ContinuousClock.Instant) {
        failures = failures.filter { $0.value.last.map { $0.duration(to: now) < window } ?? false }
        let target = capacity - max(1, capacity / 4)
        guard failures.count > target else { return }
        let oldestFirst = failures.sorted { left, right in
            // Rejected keys are evicted last: they are what an attacker wants evicted.
            let (leftShut, rightShut) = (left.value.count >= failureLimit, right.value.count >= failureLimit)
            if leftShut != rightShut { return rightShut }
            return (left.value.last ?? now) < (right.value.last ?? now)
        }
        for (key, _) in oldestFirst.prefix(failures.count - target) { failures[key] = nil }
    }
}
