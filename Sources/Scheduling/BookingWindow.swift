// How far ahead an appointment may start. The window is measured in elapsed time, so a clock change does not move
// its end.

/// The rule that now ≤ start ≤ now + 30 × 24 hours.
public enum BookingWindow {
    /// 30 × 24 hours in microseconds.
    public static let lengthInMicroseconds: Int64 = 30 * 24 * 3_600 * 1_000_000

    /// Whether `start` is inside the window, both ends included.
    public static func contains(_ start: Instant, now: Instant) -> Bool {
        guard let ahead = start.microseconds(since: now) else { return false }
        return (0...lengthInMicroseconds).contains(ahead)
    }
}
