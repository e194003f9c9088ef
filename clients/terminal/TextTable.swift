// Rows in aligned columns, for any script that a name may be written in. What both command lines print.

/// Rows of cells.
public struct TextTable {
    private let rows: [[String]]
    private let numberColumns: Set<Int>

    /// A table of rows; `numberColumns` are aligned at their end.
    public init(rows: [[String]], numberColumns: Set<Int>) {
        self.rows = rows
        self.numberColumns = numberColumns
    }

    /// The rows as lines, two spaces between columns, none at the end of a line.
    public var text: String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.count > column ? displayWidth($0[column]) : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                if column > 0 { line += "  " }
                let space = String(repeating: " ", count: widths[column] - displayWidth(cell))
                line += numberColumns.contains(column) ? space + cell : cell + space
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}

/// The columns that a terminal gives a text: two for each wide character, none for one that sits on another.
public func displayWidth(_ text: String) -> Int {
    text.reduce(0) { width, character in
        guard let scalar = character.unicodeScalars.first else { return width }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return width
        default: return width + (isWide(scalar) ? 2 : 1)
        }
    }
}

/// The blocks of wide characters of Unicode's East Asian Width, and emoji.
private func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x20000...0x3FFFD:
        true
    default: scalar.properties.isEmojiPresentation
    }
}

/// The text without what would move the cursor, end the line or turn its direction: names come from strangers, and a
/// terminal obeys what is printed on it.
public func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
        default:
            let isDirection =
                (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            result.append(isDirection ? "\u{FFFD}" : scalar)
        }
    }
    return String(result)
}
