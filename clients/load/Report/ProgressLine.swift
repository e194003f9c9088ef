// What is seen while a run goes on: on a terminal one line that is written over once a second, elsewhere a line now and
// then, so that a log of a build stays short.

/// Shows the seconds of a run as they pass. Used by one task.
struct LiveLine {
    /// The seconds between lines where they cannot be written over.
    static let secondsBetweenLines = 5

    private let isTerminal: Bool
    private let total: Duration?
    private let write: (String) -> Void
    private var isOpen = false

    /// `total` is how long the run is to be, where that is known; `write` gets text for standard error.
    init(isTerminal: Bool, total: Duration? = nil, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.total = total
        self.write = write
    }

    /// Shows a second.
    mutating func show(_ point: TimelinePoint) {
        if isTerminal {
            // Back to the first column; what is left of a longer line before is cleared.
            write("\r" + Self.text(point, of: total) + "\u{1B}[K")
            isOpen = true
        } else if (point.second + 1).isMultiple(of: Self.secondsBetweenLines) {
            write(Self.text(point, of: total) + "\n")
        }
    }

    /// Clears the line: the report comes.
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
