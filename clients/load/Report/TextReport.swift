// The report as text for a terminal.

internal import Terminal

extension LoadReport {
    /// The report as text, in lines of at most 120 columns unless names are longer.
    var text: String {
        var parts = [Self.facts(run.facts)]
        for (index, step) in steps.enumerated() {
            parts.append(stepText(step, index))
        }
        if let search {
            parts.append(search.verdict + "\n" + Self.table(search.rows(titles: true), numbersFrom: 0))
        }
        parts.append("\(printable(generator.verdict))\n" + Self.facts(generator.facts))
        if let server { parts.append("Server\n" + Self.facts(server.facts)) }
        if let watchers { parts.append("Watchers\n" + Self.facts(watchers.facts)) }
        if !checks.isEmpty {
            parts.append(
                "Checks of the data\n"
                    + Self.table(checks.map { [Self.verdict($0.passed), $0.name, $0.detail] }))
        }
        if !assertions.isEmpty {
            parts.append(
                "Assertions\n"
                    + Self.table(assertions.map { [Self.verdict($0.passed), $0.text, "was \($0.actual)"] }))
        }
        return parts.joined(separator: "\n")
    }

    private func stepText(_ step: StepReport, _ index: Int) -> String {
        var text = (steps.count > 1 ? "Step \(index + 1) of \(steps.count): " : "") + step.title + "\n"
        text += step.outcome + "\n"
        if !step.load.isOpen { text += LoadShape.closedLoopWarning + "\n" }
        text += step.load.isOpen ? "\nResponse time, from its scheduled start\n" : "\nService time\n"
        text += Self.statusTable(of: step)
        if step.load.isOpen {
            text += "\nService time, from when it was sent\n" + Self.serviceTable(of: step)
        }
        return text
    }

    /// One line per status of each operation.
    private static func statusTable(of step: StepReport) -> String {
        let total = step.total.count
        var rows = [
            ["OPERATION", "STATUS", "COUNT", "SHARE", "RATE"] + Latency.columnTitles.map { $0.uppercased() }
        ]
        for operation in step.rows {
            for status in operation.statuses {
                rows.append(
                    [
                        operation.name, status.expected ? status.status : "\(status.status) (error)",
                        countText(status.count), Share(status.count, of: total).text,
                        step.rate(of: status.count),
                    ] + status.response.columns)
            }
        }
        return table(rows, numbersFrom: 2)
    }

    /// One line per operation.
    private static func serviceTable(of step: StepReport) -> String {
        var rows = [["OPERATION", "COUNT"] + Latency.columnTitles.map { $0.uppercased() }]
        rows += step.rows.map { [$0.name, countText($0.service.count)] + $0.service.columns }
        return table(rows, numbersFrom: 1)
    }

    private static func facts(_ facts: [(String, String)]) -> String {
        table(facts.map { [$0.0, $0.1] })
    }

    private static func table(_ rows: [[String]], numbersFrom first: Int = .max) -> String {
        let count = rows.first?.count ?? 0
        return TextTable(
            rows: rows.map { $0.map(printable) }, numberColumns: Set((0..<count).filter { $0 >= first })
        ).text
    }

    private static func verdict(_ passed: Bool) -> String { passed ? "passed" : "FAILED" }
}
