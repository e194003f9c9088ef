// How often and how fast calls are retried. ClinicClient decides whether a call may be retried at all.

public import RPC

/// How a call that failed with UNAVAILABLE is retried.
///
/// ```swift
/// var configuration = ClinicClientConfiguration()
/// configuration.retryPolicy = RetryPolicy(maximumAttempts: 3, maximumBackoff: .milliseconds(500))
/// ```
public struct RetryPolicy: Sendable {
    /// The maximum number of attempts, including the first; 1 means no retries, nil as many as the timeout of the call
    /// allows.
    public var maximumAttempts: Int?
    /// The longest pause before the second attempt; it doubles with each further attempt.
    public var initialBackoff: Duration
    /// The longest pause between two attempts.
    public var maximumBackoff: Duration
    /// Called with the failure before each pause of a call, so that a person can be told what is waited for.
    public var willRetry: (@Sendable (Status) -> Void)?

    /// Makes a policy. By default a call is retried until its timeout, at least once a second: a server that restarts or
    /// a database that changes its primary is back within seconds.
    public init(
        maximumAttempts: Int? = nil, initialBackoff: Duration = .milliseconds(100),
        maximumBackoff: Duration = .seconds(1)
    ) {
        self.maximumAttempts = maximumAttempts
        self.initialBackoff = initialBackoff
        self.maximumBackoff = maximumBackoff
    }

    /// Never retries.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// Whether another attempt is allowed after this many.
    func allowsAttempt(after attempts: Int) -> Bool { maximumAttempts.map { attempts < $0 } ?? true }

    /// The pause after this many attempts, randomised between half and all of the backoff so that clients of a
    /// failed server do not reconnect simultaneously.
    func pause(afterAttempts attempts: Int) -> Duration {
        var longest = initialBackoff
        for _ in 1..<max(attempts, 1) where longest < maximumBackoff { longest *= 2 }
        return min(longest, maximumBackoff) * Double.random(in: 0.5...1)
    }
}
