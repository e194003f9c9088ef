// What a scenario is asked for: which calls in which shares, on how much data, who makes it, and what becomes of it.

internal import OpenSSL
internal import TTRPC

/// A scenario to be prepared. The defaults are those of the command line.
struct ScenarioOptions: Sendable {
    /// An administrator of the deployment: only one may make departments and doctors.
    enum Credentials: Sendable {
        /// Signed in again before the token ends, so for runs of any length.
        case password(email: String, password: String)
        /// An access token that somebody else got; the run has to end before it does.
        case token(String)
    }

    var address: Address
    /// For a `tls:` address.
    var tls: TLSContext?
    var credentials: Credentials
    /// The calls and their shares.
    var mix: OperationMix
    /// What is drawn at random is drawn from this.
    var seed: UInt64
    var doctors = 40
    /// At least as many as doctors, so that every slot has a patient who is free.
    var patients = 64
    /// How many of the patients sign in and call for themselves; for the others the administrator does.
    var sessions = 4
    /// Weeks ahead of which half of the slots are booked before the run, 0 to `ScenarioGrid.weeks`.
    var fillWeeks = 0
    /// The share of bookings that go for the hot slots, 0 to 1.
    var hotShare = 0.0
    var hotSlots = 8
    /// How many watch all bookings while the run goes on.
    var watchers = 0
    /// Whether what was made is removed after the checks.
    var cleansUp = false
    /// Takes a line about long work.
    var progress: @Sendable (String) -> Void = { _ in }
}
