// The program `clinic-load`: parses the arguments, runs a command, and reports any error as one line and an exit
// status.

internal import ArgumentParser
internal import Glibc
internal import ProgramInput

struct ClinicLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic-load", abstract: "Put load on a clinic and measure how it responds.",
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
        // A closed pipe then makes the write fail instead of killing the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            exit(await run(try ProgramInput.arguments()))
        } catch {
            writeError("clinic-load: \(error)\n")
            exit(LoadExit.usage.rawValue)
        }
    }

    /// Runs the command that the arguments name and returns its exit status.
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
        } catch let error as ProgramInputError {
            writeError("clinic-load: \(error)\n")
            return LoadExit.usage.rawValue
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            return report(error)
        }
    }

    /// Reports an error. ArgumentParser throws for wrong arguments, and also for help and version, which are not
    /// errors; any other error is printed in one line.
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

/// Writes to standard error; errors are ignored.
func writeError(_ text: String) {
    var text = text
    _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
