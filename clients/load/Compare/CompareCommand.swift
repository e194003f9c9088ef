// `clinic-load compare`: compares two reports and can fail a build if a figure got worse.

internal import ArgumentParser
internal import Terminal

struct CompareCommand: ParsableCommand {
    /// The exit code if a figure got worse by more than --fail-over.
    static let worseCode = ExitCode(3)

    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare two reports that were written with --json.",
        discussion: """
            A change counts if it exceeds both the statistical error for the number of calls and the variation within
            each run, which is taken from the middle eight of ten parts of its measured seconds. Errors always count.
            """)

    @Argument(help: "The report to compare with.")
    var before: String

    @Argument(help: "The new report.")
    var after: String

    @Option(
        help: ArgumentHelp(
            "Exit with 3 if a figure got worse beyond noise by more than this, such as 10%.",
            valueName: "share"))
    var failOver: Share?

    func run() throws {
        let comparison = Comparison(try LoadReport.read(before), try LoadReport.read(after))
        print(comparison.text, terminator: "")
        guard let failOver else { return }
        let worse = comparison.worse(by: failOver)
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
    var text: String {
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
