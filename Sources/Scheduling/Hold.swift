// A hold keeps a slot for a patient who has not decided yet. It ends by itself: nobody has to sweep it away.

/// The clinic's rule for holds.
public enum Hold {
    /// How many seconds a hold lasts where the clinic does not say otherwise.
    public static let standardDuration: Int64 = 600
    /// How many live holds a patient may have at once.
    public static let limitPerPatient: Int64 = 2
}
