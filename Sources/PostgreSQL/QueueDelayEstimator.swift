// Estimates queueing delay from the drain rate of a queue. The rate can only be seen while something waits: then the
// connections take as much as the server can do. So it is measured anew whenever the queue has been empty, and a short burst
// is never rejected.

/// The drain rate of a queue since it last was empty.
struct QueueDelayEstimator {
    /// The longest time that the rate is measured over.
    private static let window = Duration.seconds(2)

    private var start: ContinuousClock.Instant
    /// How many requests have left the queue since then.
    private var takenCount = 0

    init(since start: ContinuousClock.Instant) { self.start = start }

    /// A request has left the queue.
    mutating func taken() { takenCount &+= 1 }

    /// Whether the last of so many that wait will have waited longer than the limit. It is not said of a queue that is
    /// younger than the limit: the first batches after a rest are small and slow. A server that has not taken anything yet
    /// has no rate; it is given until `unknownRateLimit`.
    mutating func delays(
        _ waiting: Int, beyond limit: Duration, unknownRateLimit: Duration, now: () -> ContinuousClock.Instant
    ) -> Bool {
        guard waiting > 0 else { return false }
        let time = now() - start
        guard takenCount > 0 else { return time > unknownRateLimit }
        guard time > limit else { return false }
        defer {
            if time > Self.window {
                start += time / 2
                takenCount = max(1, takenCount / 2)
            }
        }
        return time * (Double(waiting) / Double(takenCount)) > limit
    }
}
