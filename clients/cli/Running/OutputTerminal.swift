// The terminal that results are printed on.

internal import Glibc

/// The terminal at standard output.
struct OutputTerminal: Sendable {
    /// In columns of text.
    var width: Int
    /// In lines.
    var height: Int
    /// Whether it shows bold text, and the user did not switch that off (no-color.org).
    var isColoured: Bool
    /// Shows a text that is longer than the terminal; nil prints it as it is.
    var pager: (@Sendable (String) -> Bool)?

    /// The terminal of this process; nil if standard output is none.
    static func find(_ console: Console) -> OutputTerminal? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let width = console.variable("COLUMNS").flatMap(Int.init) ?? (isKnown ? Int(size.ws_col) : 80)
        let isDumb = console.variable("TERM") ?? "dumb" == "dumb"
        return OutputTerminal(
            width: max(20, width), height: isKnown ? Int(size.ws_row) : 24,
            isColoured: !isDumb && console.variable("NO_COLOR") == nil,
            pager: isDumb ? nil : pager(console))
    }

    /// The program in PAGER, or less; nil if the user wants none.
    private static func pager(_ console: Console) -> (@Sendable (String) -> Bool)? {
        let command = console.environment["PAGER"] ?? "less"
        guard !command.isEmpty, command != "cat" else { return nil }
        // What fits stays on the screen, and bold titles are shown as such (less(1)).
        setenv("LESS", "FRX", 0)
        let program = command.split(separator: " ").first.map(String.init) ?? command
        return { text in
            guard let pipe = popen("command -v \(program) >/dev/null && exec \(command)", "w") else {
                return false
            }
            _ = text.withCString { fputs($0, pipe) }
            // The shell ends with 1 if there is no such program; then nothing was shown.
            return pclose(pipe) == 0
        }
    }
}
