// Every option of every command can come from the environment: --data-dir from CLINIC_DATA_DIR. Options from the
// environment are inserted before the arguments, so that they are parsed and validated in the same way; an error message
// names the variable instead of the option.

internal import ArgumentParser
internal import Monitoring

/// The arguments together with the options that only the environment gives.
struct EnvironmentArguments {
    /// The command that the arguments name, if it is one.
    let command: String?
    /// All arguments, those from the environment after the command's name.
    let arguments: [String]
    /// The options that come from the environment.
    private let used: [any OptionName]

    init(
        _ environment: [String: String], for arguments: [String], of commands: [any DaemonCommand.Type]
    ) {
        guard let name = arguments.first,
            let command = commands.first(where: { $0.configuration.commandName == name })
        else {
            self.command = nil
            self.arguments = arguments
            used = []
            return
        }
        let given = Set(arguments.map { $0.prefix { $0 != "=" } })
        var added: [String] = []
        var used: [any OptionName] = []
        for name in command.optionNames where !given.contains(name.option[...]) {
            guard let text = environment[name.variable], !text.isEmpty else { continue }
            if name.isFlag, text == "0" { continue }
            if name.isFlag, text == "1" {
                added.append(name.option)
                used.append(name)
                continue
            }
            let values = name.isRepeatable ? text.split(separator: ",").map(String.init) : [text]
            added += values.map { "\(name.option)=\($0)" }
            used.append(name)
        }
        self.command = name
        self.arguments = [name] + added + arguments.dropFirst()
        self.used = used
    }

    /// The format of the log, also if the arguments cannot be parsed.
    var logFormat: LogFormat {
        let option = StorageOptions.Name.logFormat.option
        let last = arguments.indices.last { arguments[$0].hasPrefix(option) }
        guard let last else { return .text }
        let next = arguments.indices.contains(last + 1) ? arguments[last + 1] : ""
        let text = arguments[last] == option ? next : String(arguments[last].dropFirst(option.count + 1))
        return LogFormat(rawValue: text) ?? .text
    }

    /// An error message that names the variables where the options come from the environment.
    func naming(_ message: String) -> String {
        // The parser adds the name of the value, which means nothing outside the help.
        let text = message.replacing(/(--[a-z-]+) <[a-z-]+>/) { String($0.output.1) }
        return text.replacing(/--[a-z]+(-[a-z]+)*/) { match in
            used.first { $0.option == match.output.0 }?.variable ?? String(match.output.0)
        }
    }
}
