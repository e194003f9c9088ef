// How far ahead an appointment may be: measured on the time line, so a clock change does not move the limit.

/// The rule that now ≤ start ≤ now + 30 × 24 hours.
public enum BookingWindow {
    /// 30 × 24 hours in microseconds.
    public static let lengthInMicroseconds: Int64 = 30 * 24 * 3_600 * 1_000_000

    /// Both ends included.
    public static func contains(_ start: Instant, now: Instant) -> Bool {
        guard let ahead = start.microseconds(since: now) else { return false }
        return (0...lengthInMicroseconds).contains(ahead)
    }
}
