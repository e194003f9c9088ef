// How often and how fast calls are retried. ClinicClient decides whether a call may be retried at all.

/// How a call that failed with UNAVAILABLE is retried.
///
/// ```swift
/// var configuration = ClinicClientConfiguration()
/// configuration.retryPolicy = RetryPolicy(maximumAttempts: 3, maximumBackoff: .milliseconds(500))
/// ```
public struct RetryPolicy: Sendable, Hashable {
    /// The maximum number of attempts, including the first; 1 means no retries.
    public var maximumAttempts: Int
    /// The longest pause before the second attempt; it doubles with each further attempt.
    public var initialBackoff: Duration
    /// The longest pause between two attempts.
    public var maximumBackoff: Duration

    /// Makes a policy. The defaults retry for 3.5 to 7 s, long enough for a server restart.
    public init(
        maximumAttempts: Int = 8, initialBackoff: Duration = .milliseconds(100),
        maximumBackoff: Duration = .seconds(2)
    ) {
        self.maximumAttempts = maximumAttempts
        self.initialBackoff = initialBackoff
        self.maximumBackoff = maximumBackoff
    }

    /// Never retries.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// The pause after this many attempts, randomised between half and all of the backoff so that clients of a
    /// failed server do not reconnect simultaneously.
    func pause(afterAttempts attempts: Int) -> Duration {
        var longest = initialBackoff
        for _ in 1..<max(attempts, 1) where longest < maximumBackoff { longest *= 2 }
        return min(longest, maximumBackoff) * Double.random(in: 0.5...1)
    }
}
