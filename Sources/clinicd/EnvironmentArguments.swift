// Every option of every command can come from the environment: --data-dir from CLINIC_DATA_DIR. What the environment
// has is put in front of the arguments, so that it is read, checked and complained about in the same way, only under
// the name of the variable.

internal import ArgumentParser

/// The arguments together with the options that only the environment gives.
struct EnvironmentArguments {
    /// The command that the arguments name, if it is one.
    let command: String?
    /// All arguments, those from the environment behind the command's name.
    let arguments: [String]
    /// The variables that were used, by option.
    private let variables: [(option: String, variable: String)]

    /// Options that may be given several times: their variables hold a list with commas.
    private static let lists: Set<String> = ["--listen", "--allow-uid", "--tls-client-name"]

    init(
        _ environment: [String: String], for arguments: [String], of root: (some ParsableCommand).Type
    ) {
        guard let name = arguments.first,
            let command = root.configuration.subcommands.first(where: { $0.configuration.commandName == name }
            )
        else {
            self.command = nil
            self.arguments = arguments
            variables = []
            return
        }
        let given = Set(arguments.map { $0.prefix { $0 != "=" } })
        var added: [String] = []
        var used: [(option: String, variable: String)] = []
        for option in Self.options(of: command, root: root) where !given.contains(option[...]) {
            let variable = "CLINIC_" + option.dropFirst(2).uppercased().replacing("-", with: "_")
            guard let text = environment[variable], !text.isEmpty else { continue }
            let values = Self.lists.contains(option) ? text.split(separator: ",").map(String.init) : [text]
            added += values.map { "\(option)=\($0)" }
            used.append((option, variable))
        }
        self.command = name
        self.arguments = [name] + added + arguments.dropFirst()
        variables = used
    }

    /// A complaint with the variables' names in the place of options nobody typed.
    func naming(_ complaint: String) -> String {
        // The value's name, which stands in the help, is of no use without it.
        var text = complaint.replacing(/(--[a-z-]+) <[a-z-]+>/) { String($0.output.1) }
        for (option, variable) in variables { text = text.replacing(option, with: variable) }
        return text
    }

    /// The options of a command that take a value, as its help lists them.
    private static func options(
        of command: any ParsableCommand.Type, root: (some ParsableCommand).Type
    ) -> [String] {
        root.helpMessage(for: command).split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^\s+(--[a-z-]+) </).map { String($0.output.1) }
        }
    }
}
