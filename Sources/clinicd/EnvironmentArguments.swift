// Every option of every command can come from the environment: --data-dir from CLINIC_DATA_DIR. What the environment
// has is put in front of the arguments, so that it is read, checked and complained about in the same way.

internal import ArgumentParser
internal import Foundation

/// Options that the environment gives.
enum EnvironmentArguments {
    /// Options that may be given several times: their variables hold a list with commas.
    static let lists: Set<String> = ["listen"]

    /// The arguments with the options that only the environment has put behind the command's name.
    static func adding(
        _ environment: [String: String], to arguments: [String], of root: (some ParsableCommand).Type
    ) -> [String] {
        guard let name = arguments.first,
            let command = root.configuration.subcommands.first(where: { $0._commandName == name })
        else { return arguments }
        let given = Set(arguments.map { $0.prefix { $0 != "=" } })
        let added = options(of: command, root: root).flatMap { option -> [String] in
            let variable = "CLINIC_" + option.uppercased().replacing("-", with: "_")
            guard !given.contains("--\(option)"), let value = environment[variable], !value.isEmpty else {
                return []
            }
            let values = lists.contains(option) ? value.split(separator: ",").map(String.init) : [value]
            return values.map { "--\(option)=\($0)" }
        }
        return [name] + added + arguments.dropFirst()
    }

    /// The names of a command's options that take a value, as its help lists them.
    private static func options(
        of command: any ParsableCommand.Type, root: (some ParsableCommand).Type
    ) -> [String] {
        root.helpMessage(for: command).split(separator: "\n").compactMap { line in
            guard let match = line.firstMatch(of: /^\s+--([a-z-]+) </) else { return nil }
            return String(match.1)
        }
    }
}
