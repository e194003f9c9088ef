// The daemon's command line.

internal import ArgumentParser
internal import Foundation

/// Writes a line for people at once, also where standard output is a file or a pipe.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("clinicd: \(line)\n".utf8))
}

/// `clinicd`: serves the clinic and looks after its database.
@main
struct Clinicd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinicd",
        abstract: "The clinic's appointment service.",
        discussion: """
            Every option --some-thing can also come from the environment as CLINIC_SOME_THING; an option that may be \
            repeated takes a list with commas there.

            Examples:
              clinicd serve
              clinicd serve --listen unix:/run/clinic/clinic.sock --listen tcp:127.0.0.1:7411
              clinicd serve --database postgresql://clinic@db.example.org/clinic
              echo "$PASSWORD" | clinicd create-admin --email ann@example.org
            """,
        version: "clinicd 0.1.0",
        subcommands: [ServeCommand.self, MigrateCommand.self, CreateAdminCommand.self, SeedDemoCommand.self])

    static func main() async {
        let arguments = EnvironmentArguments.adding(
            ProcessInfo.processInfo.environment, to: Array(CommandLine.arguments.dropFirst()), of: Self.self)
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            FileHandle.standardError.write(Data("clinicd: \(failure)\n".utf8))
            exit(withError: ExitCode.failure)
        } catch {
            exit(withError: error)
        }
    }
}
