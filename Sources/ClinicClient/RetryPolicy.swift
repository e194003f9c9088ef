// How often and how fast a call is repeated. Whether it may be repeated at all is decided in ClinicClient.

/// How a call that failed with UNAVAILABLE is repeated.
public struct RetryPolicy: Sendable, Hashable {
    /// How often a call is sent at most, the first time included; 1 repeats nothing.
    public var maximumAttempts: Int
    /// The longest pause before the second attempt; it doubles with every further one.
    public var initialBackoff: Duration
    /// The longest pause between two attempts.
    public var maximumBackoff: Duration

    /// Makes a policy; the defaults bridge the restart of a server: 3.5 to 7 s.
    public init(
        maximumAttempts: Int = 8, initialBackoff: Duration = .milliseconds(100),
        maximumBackoff: Duration = .seconds(2)
    ) {
        self.maximumAttempts = maximumAttempts
        self.initialBackoff = initialBackoff
        self.maximumBackoff = maximumBackoff
    }

    /// Sends every call once.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// The pause after so many attempts, at a random point of its upper half: clients that lost one server
    /// together do not come back to it together.
    func pause(afterAttempts attempts: Int) -> Duration {
        var longest = initialBackoff
        for _ in 1..<max(attempts, 1) where longest < maximumBackoff { longest *= 2 }
        return min(longest, maximumBackoff) * Double.random(in: 0.5...1)
    }
}
