// What a command has of the process around it: the environment, standard output and error, a person at the keyboard.
// Handed in, so that tests run whole commands inside their own process.

internal import Glibc

/// The surroundings of a command.
struct Console: Sendable {
    /// The arguments as they were typed, without the program's name.
    var arguments: [String] = []
    var environment: [String: String] = [:]
    /// Seconds since 1970.
    var now: @Sendable () -> Int64 = { Int64(time(nil)) }
    /// Writes to standard output; throws what is to be reported.
    var writeOutput: @Sendable (String) throws -> Void
    /// Writes to standard error; what cannot be written is lost.
    var writeError: @Sendable (String) -> Void
    var keyboard: Keyboard

    /// One or more whole lines of data.
    func print(_ text: String) throws {
        try writeOutput(text.hasSuffix("\n") || text.isEmpty ? text : text + "\n")
    }

    /// One or more whole lines about the data.
    func printError(_ text: String) {
        writeError(text.hasSuffix("\n") ? text : text + "\n")
    }

    /// A variable that is set to something.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// That of the process.
    static var standard: Console {
        Console(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: processEnvironment(),
            writeOutput: { try write($0, to: STDOUT_FILENO) },
            writeError: { try? write($0, to: STDERR_FILENO) }, keyboard: Keyboard())
    }

    private static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                variables[String(text[..<separator])] = String(text[text.index(after: separator)...])
            }
            next += 1
        }
        return variables
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
                    // As the signal would have it: whoever read us has enough.
                    exit(ExitStatus.brokenPipe.rawValue)
                } else if errno != EINTR {
                    throw CommandFailure("cannot write the output: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
