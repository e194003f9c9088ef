// Aligned columns of text in any script that fit the terminal; used by both command-line programs.

/// One column of a table.
public struct TableColumn: Sendable {
    /// The title in the first line; empty in a table without titles.
    public var title: String
    /// The cell of each row.
    public var cells: [String]
    /// Whether cells are aligned to the right.
    public var isNumber: Bool
    /// Whether cells may be cut to fit the width.
    public var mayBeCut: Bool

    /// A column of cells.
    public init(title: String, cells: [String], isNumber: Bool = false, mayBeCut: Bool = true) {
        self.title = title
        self.cells = cells
        self.isNumber = isNumber
        self.mayBeCut = mayBeCut
    }
}

/// A table of text cells.
public struct TextTable {
    private let columns: [TableColumn]
    private let width: Int?
    private let isColoured: Bool
    /// No column is cut below this width.
    private static let smallestWidth = 6

    /// Makes a table; the columns in `numberColumns` are right-aligned.
    public init(rows: [[String]], numberColumns: Set<Int>) {
        let count = rows.map(\.count).max() ?? 0
        self.init(
            columns: (0..<count).map { column in
                TableColumn(
                    title: "", cells: rows.map { $0.count > column ? $0[column] : "" },
                    isNumber: numberColumns.contains(column))
            }, width: nil)
    }

    /// Makes a table that is at most `width` columns wide, if its columns can be cut to that. Titles are bold with
    /// `isColoured`.
    public init(columns: [TableColumn], width: Int?, isColoured: Bool = false) {
        self.columns = columns
        self.width = width
        self.isColoured = isColoured
    }

    /// The rows as lines with two spaces between columns and no trailing spaces.
    public var text: String {
        var titles = columns.map { $0.title.isEmpty ? [] : [$0.title] }
        var widths = columns.map { column in
            (column.cells + [column.title]).map(displayWidth).max() ?? 0
        }
        if let width, Self.total(widths) > width {
            // Titles are wrapped before cells are cut.
            titles = columns.map { $0.title.split(separator: " ").map(String.init) }
            widths = columns.indices.map { index in
                (columns[index].cells + titles[index]).map(displayWidth).max() ?? 0
            }
            // A word more fits where the cells are wide anyway.
            titles = zip(titles, widths).map { Self.joined($0, width: $1) }
            widths = cut(widths, to: width)
        }
        let height = titles.map(\.count).max() ?? 0
        let heading = (0..<height).map { line in
            let text = self.line(
                titles.map { title in line < height - title.count ? "" : title[line - height + title.count] },
                widths)
            return isColoured ? "\u{1B}[1m" + text + "\u{1B}[0m" : text
        }
        let rows = (columns.map(\.cells.count).max() ?? 0)
        return
            (heading
            + (0..<rows).map { row in
                self.line(columns.map { $0.cells.count > row ? $0.cells[row] : "" }, widths)
            }).map { $0 + "\n" }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            if column > 0 { line += "  " }
            let cell = displayWidth(cell) > widths[column] ? shortened(cell, to: widths[column]) : cell
            let space = String(repeating: " ", count: max(0, widths[column] - displayWidth(cell)))
            line += columns[column].isNumber ? space + cell : cell + space
        }
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    private static func total(_ widths: [Int]) -> Int { widths.reduce(0, +) + 2 * max(0, widths.count - 1) }

    /// Makes the widest of the columns that may be cut equally narrow until the table fits.
    private func cut(_ widths: [Int], to width: Int) -> [Int] {
        var widths = widths
        while Self.total(widths) > width {
            let candidates = widths.indices.filter {
                columns[$0].mayBeCut && widths[$0] > Self.smallestWidth
            }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }

    /// Joins words to lines of at most this width.
    private static func joined(_ words: [String], width: Int) -> [String] {
        words.reduce(into: []) { lines, word in
            if let last = lines.last, displayWidth(last) + 1 + displayWidth(word) <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
    }
}

/// A text cut with `…` to a width in terminal columns. A number in brackets at its end is kept, because commands need
/// it.
public func shortened(_ text: String, to width: Int) -> String {
    guard displayWidth(text) > width else { return text }
    var end = ""
    if let match = text.firstMatch(of: /\ \([0-9]+\)$/), displayWidth(String(match.0)) + 3 <= width {
        end = String(match.0)
    }
    var (kept, left) = ("", width - 1 - displayWidth(end))
    for character in text {
        left -= displayWidth(String(character))
        if left < 0 { break }
        kept.append(character)
    }
    while kept.hasSuffix(" ") { kept.removeLast() }
    return kept + "…" + end
}
