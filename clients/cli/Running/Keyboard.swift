// The person at the keyboard, and the password that a script hands in. A password is never an argument: those are
// seen by every user of the machine.

internal import Glibc

/// Where passwords and missing answers come from. Handed in, so that tests can type.
struct Keyboard: Sendable {
    /// Whether somebody is there to be asked.
    var isTerminal: @Sendable () -> Bool = { isatty(STDIN_FILENO) == 1 }
    /// Asks on standard error and reads a line of standard input; nil at its end. The flag hides what is typed.
    var ask: @Sendable (_ question: String, _ hidden: Bool) -> String? = { question, hidden in
        if hidden { return HiddenTyping.during { Keyboard.question(question) } }
        return Keyboard.question(question)
    }
    /// Reads a line of standard input, or nil at its end.
    var readLine: @Sendable () throws -> String? = { Keyboard.line() }

    /// The password: typed, or the next line of standard input. A new one is asked for twice.
    func password(
        fromStandardInput: Bool, isNew: Bool = false, question: String = "Password: "
    ) throws -> String {
        if fromStandardInput {
            guard let line = try readLine(), !line.isEmpty else {
                throw CommandFailure("standard input has no password; it is a line of its own", .usage)
            }
            return line
        }
        guard isTerminal() else {
            throw CommandFailure(
                "standard input is not a terminal, so nobody can be asked for the password; use --password-stdin",
                .usage)
        }
        guard let password = ask(question, true), !password.isEmpty else {
            throw CommandFailure("no password was given", .usage)
        }
        if isNew, ask("The same again: ", true) != password {
            throw CommandFailure("the two passwords differ; nothing was done", .usage)
        }
        return password
    }

    private static func question(_ question: String) -> String? {
        _ = question.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        return line()
    }

    /// The longest line that is read; no password or e-mail is near it.
    private static let maximumLineBytes = 64 << 10

    /// Byte by byte, so that what follows the line stays there for whoever reads next.
    private static func line() -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < maximumLineBytes {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 {
                if bytes.isEmpty { return nil }
                break
            }
            if byte == UInt8(ascii: "\n") { break }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A terminal that shows nothing of what is typed, and shows it again afterwards, come what may.
enum HiddenTyping {
    /// The terminal's state to go back to. Written before the signal handler is there, read by it; a pointer,
    /// because Swift would check that the two do not meet.
    nonisolated(unsafe) private static let before = UnsafeMutablePointer<termios>.allocate(capacity: 1)

    static func during<Answer>(_ body: () -> Answer) -> Answer {
        guard tcgetattr(STDIN_FILENO, before) == 0 else { return body() }
        var hidden = before.pointee
        hidden.c_lflag &= ~tcflag_t(ECHO)
        hidden.c_lflag |= tcflag_t(ECHONL)
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
        var actions: [sigaction] = []
        for signal in signals {
            // The handler is called once: raised again, the signal does what it does by default.
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                tcsetattr(STDIN_FILENO, TCSANOW, HiddenTyping.before)
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
            tcsetattr(STDIN_FILENO, TCSAFLUSH, before)
            for (signal, old) in zip(signals, actions) {
                var old = old
                sigaction(signal, &old, nil)
            }
        }
        return body()
    }
}
