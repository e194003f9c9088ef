// The options that say how results are printed.

internal import ArgumentParser

/// The output format.
enum OutputForm: String, ExpressibleByArgument, CaseIterable {
    case table
    case csv
    case json
    case jsonl

    /// Whether failures are printed as JSON too.
    var isJSON: Bool { self == .json || self == .jsonl }
}

/// The names of columns.
struct ColumnNames {
    let names: [String]

    /// Parses names that are separated by commas.
    static func parse(_ text: String) -> ColumnNames {
        ColumnNames(
            names: text.lowercased().split(separator: ",").map { String($0).replacing("-", with: "_") })
    }
}

/// How results are printed.
struct DisplayOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "table for people; csv, json, or jsonl with one object per line for programs. [environment: CLINIC_OUTPUT; "
                + "default: table]"))
    var output: OutputForm?

    @Option(
        help: ArgumentHelp(
            "The columns of a table or of csv, such as id,start,status.", valueName: "names"),
        transform: ColumnNames.parse)
    var columns: ColumnNames?

    @Flag(help: "Do not fit tables to the terminal.")
    var wide = false

    @Flag(help: "Print times in UTC instead of the clinic's time zone.")
    var utc = false

    @Flag(help: "Print times as RFC 3339 with seconds and offset.")
    var iso = false
}
