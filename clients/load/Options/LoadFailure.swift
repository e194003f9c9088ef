// Failures that end the program with a one-line message and an exit status.

/// The exit statuses, which scripts rely on.
enum LoadExit: Int32 {
    case success = 0
    /// The run failed or was aborted, or the data in the database is wrong afterwards.
    case failure = 1
    /// The arguments are wrong; nothing was sent.
    case usage = 2
    /// A bound of `--assert` or `--slo` did not hold.
    case assertion = 3
}

/// A failure with a message for the user.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    let exit: LoadExit

    init(_ description: String, _ exit: LoadExit = .failure) {
        self.description = description
        self.exit = exit
    }
}
