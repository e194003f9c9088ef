// The report as one self-contained HTML page with figures, plots and the conditions of the run.

extension LoadReport {
    /// The complete page.
    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>\(escaped(run.workload)): load report</title>
        <style>
        \(styleSheet)
        </style>
        </head>
        <body>
        <h1>\(escaped(run.workload))</h1>
        <p class="soft">\(escaped(run.started)) · \(escaped(run.address)) · \(run.connections) connections · seed \(run.seed)</p>
        \(verdict)\(notes)\(tiles)<div class="plots">
        \(plots.map(\.html).joined())</div>
        \(searchSection)\(steps.enumerated().map { stepSection($1, $0) }.joined())\(closing)</body>
        </html>

        """
    }

    /// The verdict, with what it rests on.
    private var verdict: String {
        let broken = checks.count { !$0.passed }
        let failed = assertions.count { !$0.passed }
        let isBad = broken + failed > 0 || generator.saturated != nil
        let word =
            broken + failed > 0
            ? "Failed" : generator.saturated != nil ? "Inconclusive: the generator was the limit" : "Passed"
        let parts = [
            assertions.isEmpty
                ? "no bound was set" : "\(assertions.count - failed) of \(assertions.count) bounds hold",
            checks.isEmpty
                ? "the data was not checked" : "\(checks.count - broken) of \(checks.count) checks passed",
            generator.saturated == nil ? "the generator kept up" : "the generator did not keep up",
        ]
        return "<p class=\"note \(isBad ? "bad" : "good")\"><b>\(escaped(word))</b>: "
            + "\(escaped(parts.joined(separator: ", ")))</p>\n"
    }

    /// Warnings above the figures.
    private var notes: String {
        var notes: [(kind: String, text: String)] = []
        if generator.saturated != nil { notes.append(("bad", generator.verdict)) }
        for check in checks where !check.passed {
            notes.append(("bad", "The data is wrong: \(check.name): \(check.detail)"))
        }
        for assertion in assertions where !assertion.passed {
            notes.append(("bad", "\(assertion.text) does not hold: it was \(assertion.actual)"))
        }
        if steps.contains(where: { !$0.load.isOpen }) { notes.append(("", LoadShape.closedLoopWarning)) }
        return notes.map { "<p class=\"note \($0.kind)\">\(escaped($0.text))</p>\n" }.joined()
    }

    /// The key figures of each step.
    private var tiles: String {
        let sections = steps.enumerated().map { index, step in
            let errors = Share(step.total.errorCount, of: step.total.count)
            let time = step.load.isOpen ? "response time" : "service time"
            let response = step.total.response
            let tiles = [
                (Rate(perSecond: step.throughput).text, "answered with OK"),
                (response.markedText(at: 50), "\(time), p50"), (response.markedText(at: 99), "\(time), p99"),
                (response.markedText(at: 99.9), "\(time), p99.9"),
                (response.maximumText, "\(time), longest"), (errors.text, "errors"),
            ]
            let title =
                steps.count > 1
                ? "<p class=\"soft\">Step \(index + 1): \(escaped(step.title))</p>\n" : ""
            return title + "<div class=\"tiles\">\n"
                + tiles.map { "<div><b>\(escaped($0.0))</b><span>\(escaped($0.1))</span></div>\n" }.joined()
                + "</div>\n"
        }
        let isMarked = steps.contains { step in
            ([step.total] + step.operations).contains { operation in
                ([operation.response, operation.service] + operation.statuses.map(\.response)).contains {
                    $0.columns != $0.markedColumns
                }
            }
        }
        return sections.joined()
            + (isMarked ? "<p class=\"soft\">\(escaped(Latency.markMeaning))</p>\n" : "")
    }

    /// The trials of `--find-max`.
    private var searchSection: String {
        guard let search else { return "" }
        return "<h2>Search for the greatest rate</h2>\n<p>\(escaped(search.verdict))</p>\n"
            + htmlTable(SearchReport.columnTitles, search.rows())
    }

    private func stepSection(_ step: StepReport, _ index: Int) -> String {
        let total = step.total.count
        var rows: [[String]] = []
        for operation in step.rows {
            for status in operation.statuses {
                rows.append(
                    [
                        operation.name, status.expected ? status.status : "\(status.status) (error)",
                        countText(status.count), Share(status.count, of: total).text,
                        step.rate(of: status.count),
                    ] + status.response.markedColumns)
            }
        }
        let heading = steps.count > 1 ? "Step \(index + 1): \(step.title)" : step.title
        let capital = heading.prefix(1).uppercased() + heading.dropFirst()
        var html = "<h2>\(escaped(capital))</h2>\n<p class=\"soft\">\(escaped(step.outcome))</p>\n"
        html +=
            "<h3>\(step.load.isOpen ? "Response time, from its scheduled start" : "Service time")</h3>\n"
        html += htmlTable(
            ["Operation", "Status", "Count", "Share", "Rate"] + Latency.columnTitles, rows, firstNumber: 2)
        if step.load.isOpen {
            html += "<h3>Service time, from when it was sent</h3>\n"
            html += htmlTable(
                ["Operation", "Count"] + Latency.columnTitles,
                step.rows.map { [$0.name, countText($0.service.count)] + $0.service.markedColumns },
                firstNumber: 1)
        }
        return html
    }

    /// The sections below the figures.
    private var closing: String {
        var html = ""
        if !assertions.isEmpty {
            html +=
                "<h2>Assertions</h2>\n"
                + htmlTable(
                    ["", "Bound", "Was"],
                    assertions.map { [$0.passed ? "passed" : "failed", $0.text, $0.actual] })
        }
        if !checks.isEmpty {
            html +=
                "<h2>Checks of the data</h2>\n"
                + htmlTable(
                    ["", "Check", "Found"],
                    checks.map { [$0.passed ? "passed" : "failed", $0.name, $0.detail] })
        }
        html += "<h2>Generator</h2>\n<p>\(escaped(generator.verdict))</p>\n" + htmlFacts(generator.facts)
        if let server { html += "<h2>Server</h2>\n" + htmlFacts(server.facts) }
        if let watchers { html += "<h2>Watchers</h2>\n" + htmlFacts(watchers.facts) }
        return html + "<h2>Run</h2>\n" + htmlFacts(run.facts)
    }
}
