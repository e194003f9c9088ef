// The daemon's command line: reads arguments and environment, runs the command that they name, and reports an error as
// one line.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicServer
internal import FoundationEssentials
internal import Glibc
internal import PostgreSQL
internal import ProgramInput

/// `clinicd`: serves the clinic and maintains its database.
@main
struct Clinicd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinicd",
        abstract: "The clinic's appointment service.",
        discussion: """
            Every option --some-thing can also come from the environment as CLINIC_SOME_THING; an option that may be \
            repeated takes a list with commas there. Those of serve can also come from a file, --config FILE, with a line \
            some-thing = VALUE for each. What is given wins over the environment, and that over the file.

            Examples:
              clinicd serve
              clinicd serve --data-dir ./data --listen tcp:127.0.0.1:7500
              clinicd serve --database postgresql://clinic@db.example.org/clinic
              echo "$PASSWORD" | clinicd create-admin --email ann@example.org
              clinicd serve --help
            """,
        version: "clinicd \(clinicVersion)",
        subcommands: commands)

    private static let commands: [any DaemonCommand.Type] = [
        ServeCommand.self, MigrateCommand.self, CreateAdminCommand.self, SeedDemoCommand.self,
        ConfigureCommand.self, ArchiveEventsCommand.self, ImportLegacyCommand.self, CheckConfigCommand.self,
    ]

    /// The variables for libpq that were set. They are not used: what a connection uses is in its URL.
    static let ignoredVariables = ClientEnvironment.clear()

    /// The command, for the daemon itself, of the process in which it has passwords hashed.
    static let passwordProcess = "password-process"

    /// The variables whose names are nearly those of options, with these.
    static func misspeltVariables(_ environment: [String: String]) -> [(name: String, meant: String)] {
        let prefix = "CLINIC_"
        let options = Set(commands.flatMap { $0.optionNames.map(\.variable) }).sorted()
        // Those of the other programs may be set in the same place.
        let others = [
            "ADDRESS", "CA", "CERT", "KEY", "OUTPUT", "TIMEOUT", "SESSION_FILE", "PROFILE", "CONFIG_FILE",
        ]
        let known = Set(options + others.map { prefix + $0 })
        return environment.keys.filter { $0.hasPrefix(prefix) && !known.contains($0) }.sorted().compactMap {
            name in
            Suggestion.nearest(
                to: String(name.dropFirst(prefix.count)),
                among: options.map { String($0.dropFirst(prefix.count)) }
            ).map { (name, prefix + $0) }
        }
    }

    static func main() async {
        // Before there are other threads.
        _ = ignoredVariables
        // Writing to a closed pipe must not end the daemon.
        signal(SIGPIPE, SIG_IGN)
        if (try? ProgramInput.arguments()) == [passwordProcess] {
            BcryptPool.servePasswordProcess()
            leave(0)
        }
        let environment: ConfiguredArguments
        do {
            environment = try ConfiguredArguments(
                try ProgramInput.environment(), for: try ProgramInput.arguments(), of: commands)
        } catch let error as any CustomStringConvertible {
            complain(error.description)
            leave(2)
        } catch {
            complain(explanation(of: error))
            leave(2)
        }
        do {
            var command = try parseAsRoot(environment.arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            leave(0)
        } catch let failure as Failure {
            complain(environment.naming(failure.description), as: environment.logFormat)
            leave(1)
        } catch {
            report(error, environment)
        }
    }

    /// Reports why the arguments end the program: help, the version, or a mistake in them.
    private static func report(_ error: any Error, _ environment: ConfiguredArguments) -> Never {
        switch exitCode(for: error) {
        case .success: exit(withError: error)
        case .validationFailure:
            let program = ["clinicd", environment.command].compactMap(\.self).joined(separator: " ")
            complain(
                "\(environment.naming(message(for: error))); see `\(program) --help`",
                as: environment.logFormat)
            leave(2)
        default:
            complain(environment.naming(explanation(of: error)), as: environment.logFormat)
            leave(1)
        }
    }
}
