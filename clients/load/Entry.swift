// `clinic-load`: puts a known load on a deployment and says what came of it. Here is the way from the arguments to a
// command, and from whatever went wrong to one line and an exit status.

internal import ArgumentParser
internal import Glibc

struct ClinicLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic-load", abstract: "Put load on a clinic and measure what comes of it.",
        discussion: """
            Example:
              clinic-load run --call Health/Check --rate 2000/s --duration 30s --html report.html
            """,
        version: "clinic-load 0.1.0", subcommands: [RunCommand.self, CompareCommand.self],
        defaultSubcommand: RunCommand.self)
}

@main
enum Entry {
    static func main() async {
        // A reader that has gone away is met as an error of the write.
        signal(SIGPIPE, SIG_IGN)
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs the command that the arguments name; returns the exit status.
    static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try ClinicLoad.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return LoadExit.success.rawValue
        } catch let failure as LoadFailure {
            writeError("clinic-load: \(failure)\n")
            return failure.exit.rawValue
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            return report(error)
        }
    }

    /// ArgumentParser's own errors are mistakes in the arguments, or help and version, which are no mistake; others are
    /// one line for the person.
    private static func report(_ error: any Error) -> Int32 {
        let text = ClinicLoad.fullMessage(for: error)
        guard !ClinicLoad.exitCode(for: error).isSuccess else {
            print(text)
            return LoadExit.success.rawValue
        }
        guard ClinicLoad.exitCode(for: error) == .validationFailure else {
            writeError("clinic-load: \(error)\n")
            return LoadExit.failure.rawValue
        }
        let heading = "Error: "
        let message = text.hasPrefix(heading) ? String(text.dropFirst(heading.count)) : text
        let lines = message.split(separator: "\n").filter { !$0.hasPrefix("Usage: ") }
        writeError("clinic-load: " + lines.joined(separator: "\n") + "\n")
        return LoadExit.usage.rawValue
    }
}

/// Writes to standard error; what cannot be written is lost.
func writeError(_ text: String) {
    var text = text
    _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
