// When something that is kept in memory may be used: as long as nobody has heard that it changed, and it is certain that
// one would have heard. Pure; the clock, the line and the database are `Directory`'s.

/// A value that was read, and what is known of its being true.
struct Remembered<Value: Sendable>: Sendable {
    /// A reading that was begun.
    struct Reading: Sendable {
        fileprivate let generation: UInt64
        fileprivate let start: ContinuousClock.Instant
    }

    /// How old the last proof may be that one would have heard.
    private let tolerance: Duration
    private var value: Value?
    /// Up to when everything was heard; nil while the line is lost.
    private var heardUntil: ContinuousClock.Instant?
    /// Grows with each change, and with each loss of the line, which may hide one.
    private var generation: UInt64 = 0
    private var isReading = false
    private var nextReading: ContinuousClock.Instant?

    init(tolerance: Duration) { self.tolerance = tolerance }

    /// The value if it may be used, and else, at times, a reading that the caller has to do and `finish`.
    mutating func look(at now: ContinuousClock.Instant) -> (value: Value?, reading: Reading?) {
        guard let heardUntil, heardUntil.duration(to: now) < tolerance else { return (nil, nil) }
        if let value { return (value, nil) }
        if isReading { return (nil, nil) }
        if let nextReading, now < nextReading { return (nil, nil) }
        isReading = true
        return (nil, Reading(generation: generation, start: now))
    }

    /// What a reading brought, nil if it failed. It is worth nothing if something has changed since it was begun.
    mutating func finish(_ reading: Reading, with value: Value?, at now: ContinuousClock.Instant) {
        isReading = false
        // Where much changes, readings take a tenth of the time at most.
        nextReading = now + reading.start.duration(to: now) * 9
        if reading.generation == generation { self.value = value }
    }

    /// It has changed, or may have.
    mutating func forget() {
        value = nil
        generation &+= 1
    }

    /// All changes up to this moment have been heard.
    mutating func hear(until moment: ContinuousClock.Instant) { heardUntil = moment }

    /// Changes are not heard any more.
    mutating func loseLine() {
        heardUntil = nil
        forget()
    }
}
