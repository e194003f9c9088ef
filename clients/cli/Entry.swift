// The program `clinic`: parses the arguments, runs a command and reports any error as one line and an exit code.

internal import ArgumentParser
internal import Glibc
internal import ProgramInput

@main
enum Entry {
    static func main() async {
        fillStandardDescriptors()
        // A closed pipe then makes the write fail, which ends the program quietly.
        signal(SIGPIPE, SIG_IGN)
        do {
            let console = try Console.standard()
            exit(await run(console.arguments, in: console).rawValue)
        } catch {
            exit(report(error, in: Console.output).rawValue)
        }
    }

    /// Opens unusable descriptors in place of closed standard descriptors. Otherwise the socket to the server would
    /// get one of their numbers and receive what is printed.
    private static func fillStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Runs the command that the arguments name and returns its exit status.
    static func run(_ arguments: [String], in console: Console) async -> ExitStatus {
        do {
            var command = try ClinicCommand.parseAsRoot(arguments)
            if let command = command as? any RunnableCommand {
                try await command.run(in: console)
            } else {
                try command.run()
            }
            return .success
        } catch {
            return report(error, in: console)
        }
    }

    /// Whether failures are printed as JSON too. Arguments that cannot be parsed may still say so.
    private static func printsJSON(_ console: Console) -> Bool {
        let form = console.typedValue(of: "--output") ?? console.variable("CLINIC_OUTPUT")
        return OutputForm(rawValue: form ?? "")?.isJSON ?? false
    }

    private static func report(_ failure: any ReportedFailure, in console: Console) -> ExitStatus {
        console.printError(failure.report)
        if printsJSON(console), let line = failure.json.line { console.printError(line) }
        return failure.exitStatus
    }

    private static func report(_ error: any Error, in console: Console) -> ExitStatus {
        if let error = error as? ProgramInputError {
            return report(CommandFailure(error.description, .usage), in: console)
        }
        if let failure = error as? any ReportedFailure { return report(failure, in: console) }
        // ArgumentParser throws for wrong arguments, and also for help and version, which are not errors.
        let text = ClinicCommand.fullMessage(for: error)
        if ClinicCommand.exitCode(for: error).isSuccess {
            do {
                try console.print(text)
            } catch {
                return report(error, in: console)
            }
            return .success
        }
        return report(CommandFailure(usageError(text), .usage), in: console)
    }

    /// ArgumentParser's message without its heading and the long usage line: the error, the meaning of the option,
    /// and where to find help.
    private static func usageError(_ text: String) -> String {
        if let unknown = UnknownCommand(text) { return unknown.description }
        let heading = "Error: "
        let lines = (text.hasPrefix(heading) ? String(text.dropFirst(heading.count)) : text)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return lines.filter { !$0.hasPrefix("Usage: ") }.joined(separator: "\n")
    }
}

/// An unknown subcommand, which ArgumentParser reports as an unexpected argument.
private struct UnknownCommand: CustomStringConvertible {
    let description: String

    /// Parses ArgumentParser's message; nil if it reports another error.
    init?(_ text: String) {
        guard let word = text.firstMatch(of: /Unexpected argument '(.*)'/)?.1,
            let path = text.firstMatch(of: /See 'clinic ?(.*) --help'/)?.1
        else { return nil }
        var command: any ParsableCommand.Type = ClinicCommand.self
        for name in path.split(separator: " ") {
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == name })
            else { return nil }
            command = next
        }
        let choices = command.configuration.subcommands.map { $0._commandName }
        guard !choices.isEmpty else { return nil }
        let name = (["clinic"] + path.split(separator: " ") + [word]).joined(separator: " ")
        description =
            "unknown command '\(name)'; " + Suggestion.text(for: String(word), among: choices, "commands")
    }
}
