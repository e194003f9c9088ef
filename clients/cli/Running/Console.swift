// A command's environment: variables, standard output and error, and the keyboard. It is passed in, so that tests
// can run whole commands in their own process.

internal import Dispatch
internal import Glibc
internal import ProgramInput
internal import RPC
internal import Synchronization
internal import Terminal

/// The environment of a command.
struct Console: Sendable {
    /// The arguments without the program's name.
    var arguments: [String] = []
    var environment: [String: String] = [:]
    /// Seconds since 1970.
    var now: @Sendable () -> Int64 = { Int64(time(nil)) }
    /// Writes to standard output; throws if that fails.
    var writeOutput: @Sendable (String) throws -> Void
    /// Writes to standard error; errors are ignored.
    var writeError: @Sendable (String) -> Void
    /// Ends the program as soon as nobody reads its output any more. A command that waits for changes would otherwise
    /// notice only at the next one.
    var endWithReader: @Sendable () -> Void = {}
    /// Whether a person reads standard error.
    var errorIsTerminal = false
    var keyboard: Keyboard
    /// The terminal that standard output is; nil if it is something else.
    var terminal: OutputTerminal?
    /// What the server tells of the clinic; commands that say so have it before they make their request.
    var clinic = ClinicFacts()

    /// The clinic's calendar at this moment.
    var clock: ClinicClock { ClinicClock(zone: clinic.zone, now: now()) }

    /// Prints complete lines of data.
    func print(_ text: String) throws {
        try writeOutput(text.hasSuffix("\n") || text.isEmpty ? text : text + "\n")
    }

    /// Prints complete lines of messages.
    func printError(_ text: String) {
        writeError(text.hasSuffix("\n") ? text : text + "\n")
    }

    /// Tells a person at a terminal what a call waits for, once it has waited for a second; nil where nobody watches.
    func retryReporter(within timeout: Duration) -> (@Sendable (Status) -> Void)? {
        guard errorIsTerminal else { return nil }
        let began = ContinuousClock.now
        let hasReported = Atomic(false)
        return { [writeError] status in
            let waited = began.duration(to: .now)
            guard waited >= .seconds(1), !hasReported.exchange(true, ordering: .relaxed) else { return }
            writeError(
                "clinic: \(printable(status.message)); trying again for up to \(TimeoutText.text(timeout)) in all\n"
            )
        }
    }

    /// The value of a variable; nil if unset or empty.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The last value of an option among the arguments, whether or not they can be parsed.
    func typedValue(of option: String) -> String? {
        arguments.indices.reversed().lazy.compactMap { index -> String? in
            let argument = arguments[index]
            if argument.hasPrefix(option + "=") { return String(argument.dropFirst(option.count + 1)) }
            let next = index + 1
            return argument == option && next < arguments.endIndex ? arguments[next] : nil
        }.first
    }

    /// The name of the profile that a user chose; it is part of a file's name, so only letters, digits and `-_` count.
    var profileName: String? {
        let name = typedValue(of: "--profile") ?? variable("CLINIC_PROFILE")
        let isPlain =
            name?.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) } ?? false
        return isPlain ? name : nil
    }

    /// The environment of this process; throws if an argument or a variable is not text.
    static func standard() throws(ProgramInputError) -> Console {
        var console = output
        console.arguments = try ProgramInput.arguments()
        console.environment = try ProgramInput.environment()
        console.terminal = OutputTerminal.find(console)
        console.errorIsTerminal = isatty(STDERR_FILENO) == 1
        return console
    }

    /// The outputs of this process, without its arguments and variables.
    static var output: Console {
        Console(
            writeOutput: { try write($0, to: STDOUT_FILENO) },
            writeError: { try? write($0, to: STDERR_FILENO) }, endWithReader: endWithReader,
            keyboard: Keyboard())
    }

    private static func endWithReader() {
        DispatchQueue.global().async {
            // Without events, only the loss of the reader is reported.
            var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
            while true {
                let count = poll(&output, 1, -1)
                if count < 0, errno != EINTR { return }
                if count > 0 { exit(ExitStatus.brokenPipe.rawValue) }
            }
        }
    }

    private static func write(_ text: String, to descriptor: CInt) throws {
        var text = text
        try text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                } else if errno == EPIPE {
                    // Exits like a program killed by SIGPIPE: the reader has closed the pipe.
                    exit(ExitStatus.brokenPipe.rawValue)
                } else if errno != EINTR {
                    throw CommandFailure("cannot write the output: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
