// `clinic-load compare`: compares two reports and can fail a build if a figure got worse.

internal import ArgumentParser
internal import Terminal

struct CompareCommand: ParsableCommand {
    /// The exit code if a figure got worse by more than --fail-over.
    static let worseCode = ExitCode(3)

    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare reports that were written with --json.",
        discussion: """
            With three or more reports of each side, of repeated runs, a change counts if the 99 % interval of the \
            difference of the means is beyond zero.

            Of two reports, a change counts if it exceeds both the statistical error for the number of calls and the \
            variation within each run, which is taken from the middle eight of ten parts of its measured seconds. Errors \
            always count.

            Examples:
              clinic-load compare before.json after.json --fail-over 10%
              clinic-load compare --before b1.json b2.json b3.json --after a1.json a2.json a3.json
            """)

    @Argument(help: "The report to compare with, and the new one.")
    var reports: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("The reports of repeated runs to compare with.", valueName: "file"))
    var before: [String] = []

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("The reports of the new runs.", valueName: "file"))
    var after: [String] = []

    @Option(
        help: ArgumentHelp(
            "Exit with 3 if a figure got worse beyond noise by more than this, such as 10%.",
            valueName: "share"))
    var failOver: Share?

    func validate() throws {
        if before.isEmpty, after.isEmpty {
            guard reports.count == 2 else {
                throw ValidationError("give two reports, or --before and --after")
            }
        } else {
            guard reports.isEmpty else { throw ValidationError("give two reports, or --before and --after") }
            let fewest = RepeatedComparison.fewestRuns
            guard before.count >= fewest, after.count >= fewest else {
                throw ValidationError(
                    "--before and --after need \(fewest) reports each to show how much runs differ")
            }
        }
    }

    func run() throws {
        let (rows, notes): ([Comparison.Row], [String])
        if reports.isEmpty {
            let comparison = RepeatedComparison(
                try before.map(LoadReport.read), try after.map(LoadReport.read))
            (rows, notes) = (comparison.rows, comparison.notes)
        } else {
            let comparison = Comparison(try LoadReport.read(reports[0]), try LoadReport.read(reports[1]))
            (rows, notes) = (comparison.rows, comparison.notes)
        }
        print(Comparison.text(rows, notes), terminator: "")
        guard let failOver else { return }
        let worse = Comparison.worse(rows, by: failOver)
        guard worse.isEmpty else {
            print(
                "\nWorse by more than \(failOver.text): \(worse.map { printable($0.name) }.joined(separator: ", "))"
            )
            throw Self.worseCode
        }
    }
}

extension Comparison.Row {
    /// "BookingService/BookAppointment p99".
    var name: String { "\(operation) \(figure)" }

    /// "+12.3 %".
    var changeText: String {
        if change.isInfinite { return "new" }
        return (change > 0 ? "+" : "") + Share(change).text
    }
}

extension Comparison {
    /// A table of all figures, preceded by notes on differences between the runs.
    var text: String { Self.text(rows, notes) }

    static func text(_ rows: [Row], _ notes: [String]) -> String {
        let isStepped = rows.contains { $0.step > 1 }
        var table = [["OPERATION", "FIGURE", "BEFORE", "AFTER", "CHANGE", ""]]
        table += rows.map {
            [$0.operation, $0.figure, $0.beforeText, $0.afterText, $0.changeText, $0.verdict.rawValue]
        }
        if isStepped {
            for index in table.indices {
                table[index].insert(index == 0 ? "STEP" : String(rows[index - 1].step), at: 0)
            }
        }
        let first = isStepped ? 3 : 2
        return notes.map { "Note: \(printable($0))\n" }.joined() + (notes.isEmpty ? "" : "\n")
            + TextTable(rows: table.map { $0.map(printable) }, numberColumns: [first, first + 1, first + 2])
            .text
    }
}
