// Reads passwords and answers from the terminal or standard input. A password is never an argument, because all
// users of the machine can see arguments.

internal import Glibc
internal import ProgramInput

/// The source of passwords and answers. It is passed in, so that tests can supply them.
struct Keyboard: Sendable {
    /// Whether standard input is a terminal.
    var isTerminal: @Sendable () -> Bool = { isatty(STDIN_FILENO) == 1 }
    /// Asks on standard error and reads a line of standard input; nil at its end. With `hidden`, the terminal does
    /// not echo the input.
    var ask: @Sendable (_ question: String, _ hidden: Bool) throws -> String? = { question, hidden in
        if hidden { return try TerminalEcho.disabled { try Keyboard.question(question) } }
        return try Keyboard.question(question)
    }
    /// Reads a line of standard input, or nil at its end.
    var readLine: @Sendable () throws -> String? = { try ProgramInput.line() }

    /// Reads a password from the terminal or the next line of standard input. A new password is asked for twice.
    func password(
        fromStandardInput: Bool, isNew: Bool = false, question: String = "Password: "
    ) throws -> String {
        if fromStandardInput {
            guard let line = try readLine(), !line.isEmpty else {
                throw CommandFailure("standard input has no line with a password", .usage)
            }
            return line
        }
        guard isTerminal() else {
            throw CommandFailure(
                "standard input is not a terminal, so the password cannot be asked for; use --password-stdin",
                .usage)
        }
        guard let password = try ask(question, true), !password.isEmpty else {
            throw CommandFailure("no password was given", .usage)
        }
        if isNew, try ask("Repeat the password: ", true) != password {
            throw CommandFailure("the two passwords differ; nothing was done", .usage)
        }
        return password
    }

    private static func question(_ question: String) throws -> String? {
        _ = question.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        return try ProgramInput.line()
    }
}

/// Disables the terminal's echo temporarily and restores it even when a signal interrupts.
enum TerminalEcho {
    /// The state to restore. It is written before the signal handler that reads it is installed; a pointer avoids
    /// Swift's exclusivity check in the handler.
    nonisolated(unsafe) private static let savedState = UnsafeMutablePointer<termios>.allocate(capacity: 1)

    static func disabled<Output>(_ body: () throws -> Output) rethrows -> Output {
        guard tcgetattr(STDIN_FILENO, savedState) == 0 else { return try body() }
        var hidden = savedState.pointee
        hidden.c_lflag &= ~tcflag_t(ECHO)
        hidden.c_lflag |= tcflag_t(ECHONL)
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
        var actions: [sigaction] = []
        for signal in signals {
            // The handler resets itself, so raising the signal again has its default effect.
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                tcsetattr(STDIN_FILENO, TCSANOW, TerminalEcho.savedState)
                _ = write(STDERR_FILENO, "\n", 1)
                raise(number)
            }
            action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND))
            var old = sigaction()
            sigaction(signal, &action, &old)
            actions.append(old)
        }
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, savedState)
            for (signal, old) in zip(signals, actions) {
                var old = old
                sigaction(signal, &old, nil)
            }
        }
        return try body()
    }
}
