// The names of the options. Each is declared once: the parser takes the option's name from here, the environment its
// variable.

internal import ArgumentParser

/// An option, such as --data-dir, with its variable, CLINIC_DATA_DIR.
protocol OptionName: CaseIterable, RawRepresentable<String>, Sendable {
    /// Whether the option may be repeated; its variable holds a list separated by commas.
    var isRepeatable: Bool { get }
    /// Whether the option takes no value; its variable is 1 or 0.
    var isFlag: Bool { get }
}

extension OptionName {
    var isRepeatable: Bool { false }
    var isFlag: Bool { false }

    /// The name for the parser.
    var specification: NameSpecification { .customLong(rawValue) }
    /// The option as it is typed.
    var option: String { "--\(rawValue)" }
    /// The variable of the environment that sets it.
    var variable: String { "CLINIC_" + rawValue.uppercased().replacing("-", with: "_") }

    static var all: [any OptionName] { Array(allCases) }
}

/// A command that takes options from the environment too.
protocol DaemonCommand: AsyncParsableCommand {
    /// Every option of the command.
    static var optionNames: [any OptionName] { get }
}
