// A hold reserves a slot for a patient for a limited time. Every check of availability ignores expired holds, so no
// cleanup job has to run.

/// The clinic's rule for holds.
public enum Hold {
    /// The default duration of a hold in seconds.
    public static let standardDuration: Int64 = 600
    /// How many unexpired holds a patient may have at once.
    public static let limitPerPatient: Int64 = 2
    /// How many holds a patient may make in 24 hours.
    public static let dailyLimitPerPatient: Int64 = 50
}
