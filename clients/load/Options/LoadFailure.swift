// What ends the program other than well: one line that says what to do, and the exit status.

/// The exit status, which scripts branch on.
enum LoadExit: Int32 {
    case success = 0
    /// The run did not take place or was given up, or what is in the database afterwards is wrong.
    case failure = 1
    /// The arguments are wrong; nothing was sent.
    case usage = 2
    /// Something that was demanded with `--assert` or `--slo` did not hold.
    case assertion = 3
}

/// A failure for the person at the terminal.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    let exit: LoadExit

    init(_ description: String, _ exit: LoadExit = .failure) {
        self.description = description
        self.exit = exit
    }
}
