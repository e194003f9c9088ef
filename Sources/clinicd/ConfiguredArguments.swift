// Every option of every command can come from the environment, --data-dir from CLINIC_DATA_DIR, and from the configuration file,
// data-dir = VALUE. They are inserted before the arguments, so that they are parsed and validated in the same way; an error
// message names the variable, or the line of the file, instead of the option. An option that is given wins over the
// environment, and that over the file.

internal import ArgumentParser
internal import Monitoring

/// The arguments together with the options that only the environment or the file gives.
struct ConfiguredArguments {
    /// The command that the arguments name, if it is one.
    let command: String?
    /// All arguments, those of the environment and the file after the command's name.
    let arguments: [String]
    /// What an error calls the options that do not come from the arguments.
    private let origins: [String: String]

    /// Throws `Failure` when the file that the arguments or the environment name cannot be read.
    init(
        _ environment: [String: String], for arguments: [String], of commands: [any DaemonCommand.Type]
    ) throws(Failure) {
        guard let name = arguments.first,
            let command = commands.first(where: { $0.configuration.commandName == name })
        else {
            self.command = nil
            self.arguments = arguments
            origins = [:]
            return
        }
        let path = Self.value(of: StorageOptions.Name.config, in: arguments, environment)
        let entries = try path.map { path throws(Failure) in
            try ConfigurationFile(
                at: path,
                options: ServeOptions.optionNames.filter {
                    $0.rawValue != StorageOptions.Name.config.rawValue
                })
        }?.entries
        let lines = Dictionary(grouping: entries ?? [], by: \.name)
        let given = Set(arguments.map { $0.prefix { $0 != "=" } })
        var added: [String] = []
        var origins: [String: String] = [:]
        for name in command.optionNames where !given.contains(name.option[...]) {
            let values: [String]
            if let text = environment[name.variable], !text.isEmpty {
                values = name.isRepeatable ? text.split(separator: ",").map(String.init) : [text]
                origins[name.option] = name.variable
            } else if let found = lines[name.rawValue], let first = found.first, let path {
                values = found.map(\.value)
                origins[name.option] = "\(name.rawValue) (\(path) line \(first.line))"
            } else {
                continue
            }
            guard name.isFlag else {
                added += values.map { "\(name.option)=\($0)" }
                continue
            }
            switch values.first {
            case "0", "false": origins[name.option] = nil
            case "1", "true": added.append(name.option)
            default: added += values.map { "\(name.option)=\($0)" }
            }
        }
        self.command = name
        self.arguments = [name] + added + arguments.dropFirst()
        self.origins = origins
    }

    /// The value of an option in the arguments, else in the environment.
    private static func value(
        of name: StorageOptions.Name, in arguments: [String], _ environment: [String: String]
    ) -> String? {
        for (index, argument) in arguments.enumerated() {
            if argument.hasPrefix(name.option + "=") {
                return String(argument.dropFirst(name.option.count + 1))
            }
            if argument == name.option, arguments.indices.contains(index + 1) { return arguments[index + 1] }
        }
        return environment[name.variable].flatMap { $0.isEmpty ? nil : $0 }
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

    /// An error message that names the variable or the line where an option does not come from the arguments.
    func naming(_ message: String) -> String {
        // The parser adds the name of the value, which means nothing outside the help.
        let text = message.replacing(/(--[a-z-]+) <[a-z-]+>/) { String($0.output.1) }
        return text.replacing(/--[a-z]+(-[a-z]+)*/) { match in
            let option = String(match.output.0)
            return origins[option] ?? option
        }
    }
}
