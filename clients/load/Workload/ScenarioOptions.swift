// The options of a scenario: mix, amount of data, credentials, cleanup.

internal import OpenSSL
internal import RPC

/// The options of a scenario; the defaults are those of the command line.
struct ScenarioOptions: Sendable {
    /// The credentials of an administrator, who alone may create departments and doctors.
    enum Credentials: Sendable {
        /// A password; the token is renewed, so runs can have any length.
        case password(email: String, password: String)
        /// An existing access token, which must outlast the run.
        case token(String)
    }

    var address: Address
    /// For a `tls:` address.
    var tls: TLSContext?
    var credentials: Credentials
    /// The operations and their shares.
    var mix: OperationMix
    /// The seed of all random choices.
    var seed: UInt64
    var doctors = 40
    /// At least as many as doctors, so that every slot has a free patient.
    var patients = 64
    /// How many patients sign in and make their own calls; the administrator calls for the others.
    var sessions = 4
    /// The number of weeks of which half the slots are booked before the run, 0 to `ScenarioGrid.weeks`.
    var fillWeeks = 0
    /// The share of bookings that compete for hot slots, 0 to 1.
    var hotShare = 0.0
    var hotSlots = 8
    /// How many watchers follow all bookings during the run.
    var watchers = 0
    /// Whether the data is removed after the checks.
    var cleansUp = false
    /// Called with progress messages.
    var progress: @Sendable (String) -> Void = { _ in }
}
