// The command `clinic`: reads the arguments, runs the command they name, and turns whatever went wrong into one line
// and an exit code.

internal import ArgumentParser
internal import Glibc

@main
enum Entry {
    static func main() async {
        keepStandardDescriptors()
        // A reader that has gone away is met as an error of the write, which ends us quietly.
        signal(SIGPIPE, SIG_IGN)
        let console = Console.standard
        exit(await run(Array(CommandLine.arguments.dropFirst()), in: console).rawValue)
    }

    /// Puts something in the place of standard input, output and error that are closed, which fails when it is used:
    /// else the socket to the server would get their numbers, and what is printed.
    private static func keepStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Runs the command that the arguments name; returns how it ended.
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

    private static func report(_ error: any Error, in console: Console) -> ExitStatus {
        if let failure = error as? any ReportedFailure {
            console.printError(failure.report)
            return failure.exitStatus
        }
        // ArgumentParser's own: a mistake in the arguments, or help and version, which are no mistake.
        let text = ClinicCommand.fullMessage(for: error)
        if ClinicCommand.exitCode(for: error).isSuccess {
            do {
                try console.print(text)
            } catch {
                return report(error, in: console)
            }
            return .success
        }
        console.printError("clinic: " + mistake(text))
        return .usage
    }

    /// What ArgumentParser says of a mistake without its heading and the usage, which has every option there is: what
    /// is wrong, what the option means, and where the rest is.
    private static func mistake(_ text: String) -> String {
        if let unknown = UnknownCommand(text) { return unknown.description }
        let heading = "Error: "
        let lines = (text.hasPrefix(heading) ? String(text.dropFirst(heading.count)) : text)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return lines.filter { !$0.hasPrefix("Usage: ") }.joined(separator: "\n")
    }
}

/// A word where a command was expected, which ArgumentParser calls an unexpected argument.
private struct UnknownCommand: CustomStringConvertible {
    let description: String

    /// Reads the message of a mistake; nil if it is another one.
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
        description = "there is no '\(name)'; there are \(choices.joined(separator: ", "))"
    }
}
