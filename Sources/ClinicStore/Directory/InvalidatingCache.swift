// When a cached value may be used: as long as no change was notified and it is certain that one would have been. Pure: the
// clock, the connection that listens and the database belong to `DirectoryCache`.

/// A value that was read, until it is invalidated.
struct InvalidatingCache<Value: Sendable>: Sendable {
    /// A read that was begun.
    struct Reading: Sendable {
        fileprivate let generation: UInt64
        fileprivate let start: ContinuousClock.Instant
    }

    /// How old the last confirmation may be that all changes were notified.
    private let tolerance: Duration
    private var value: Value?
    /// Up to when all changes were notified; nil while the connection is lost.
    private var confirmedUntil: ContinuousClock.Instant?
    /// Grows with each change, and with each loss of the connection, which may hide one.
    private var generation: UInt64 = 0
    private var isReading = false
    private var nextReading: ContinuousClock.Instant?

    init(tolerance: Duration) { self.tolerance = tolerance }

    /// The value if it may be used; else, at times, a read that the caller has to do and `finish`.
    mutating func lookUp(at now: ContinuousClock.Instant) -> (value: Value?, reading: Reading?) {
        guard let confirmedUntil, confirmedUntil.duration(to: now) < tolerance else { return (nil, nil) }
        if let value { return (value, nil) }
        if isReading { return (nil, nil) }
        if let nextReading, now < nextReading { return (nil, nil) }
        isReading = true
        return (nil, Reading(generation: generation, start: now))
    }

    /// The result of a read, nil if it failed. It is dropped if something has changed since the read began.
    mutating func finish(_ reading: Reading, with value: Value?, at now: ContinuousClock.Instant) {
        isReading = false
        // Where much changes, reads take a tenth of the time at most.
        nextReading = now + reading.start.duration(to: now) * 9
        if reading.generation == generation { self.value = value }
    }

    /// The value has changed, or may have.
    mutating func invalidate() {
        value = nil
        generation &+= 1
    }

    /// All changes up to this moment were notified.
    mutating func confirm(until moment: ContinuousClock.Instant) { confirmedUntil = moment }

    /// Changes are no longer notified.
    mutating func disconnect() {
        confirmedUntil = nil
        invalidate()
    }
}
