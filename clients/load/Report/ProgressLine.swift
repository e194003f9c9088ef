// The progress of a run: on a terminal one line that is rewritten every second, otherwise a line every few seconds,
// so that build logs stay short.

/// Shows the progress of a run. Used by one task.
struct ProgressLine {
    /// The seconds between lines if standard error is not a terminal.
    static let secondsBetweenLines = 5

    private let isTerminal: Bool
    private let total: Duration?
    private let write: (String) -> Void
    private var isOpen = false

    /// `total` is the planned duration, if known; `write` writes to standard error.
    init(isTerminal: Bool, total: Duration? = nil, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.total = total
        self.write = write
    }

    /// Shows one second of the run.
    mutating func show(_ point: TimelinePoint) {
        if isTerminal {
            // Returns to the first column and clears the rest of a longer previous line.
            write("\r" + Self.text(point, of: total) + "\u{1B}[K")
            isOpen = true
        } else if (point.second + 1).isMultiple(of: Self.secondsBetweenLines) {
            write(Self.text(point, of: total) + "\n")
        }
    }

    /// Clears the line before the report is printed.
    mutating func end() {
        if isOpen { write("\r\u{1B}[K") }
        isOpen = false
    }

    /// "12 s of 30 s  1,998/s  64 in flight  p50 1.25 ms  p99 8.10 ms  0 errors".
    static func text(_ point: TimelinePoint, of total: Duration?) -> String {
        let answered = point.statuses.values.reduce(0, &+)
        var elapsed = "\(point.second + 1) s"
        if let total { elapsed += " of \(decimal(total.inSeconds, places: 0)) s" }
        if point.warmUp { elapsed += " (warm-up)" }
        let latencies =
            answered == 0
            ? ["p50 -", "p99 -"]
            : [
                "p50 \(durationText(microseconds: point.median))",
                "p99 \(durationText(microseconds: point.p99))",
            ]
        let errors = "\(countText(point.errors)) \(point.errors == 1 ? "error" : "errors")"
        return
            ([elapsed, "\(countText(answered))/s", "\(point.inFlight) in flight"] + latencies + [errors])
            .joined(separator: "  ")
    }
}
