// One value per line, with its title before it.

/// Titles and values in two columns.
public struct DetailText {
    private let rows: [[String]]
    private let width: Int?

    /// Makes the text of these pairs; values that are wider than the terminal are wrapped below themselves.
    public init(rows: [[String]], width: Int?) {
        self.rows = rows
        self.width = width
    }

    /// The lines.
    public var text: String {
        let margin = rows.map { displayWidth($0[0]) }.max() ?? 0
        return rows.map { row in
            let space = String(repeating: " ", count: margin + 2 - displayWidth(row[0]))
            let lines = wrapped(row[1], to: width.map { max(20, $0 - margin - 2) })
            return row[0] + space
                + lines.joined(separator: "\n" + String(repeating: " ", count: margin + 2)) + "\n"
        }.joined()
    }
}

/// A text in lines of at most this width in terminal columns, broken between words where there are any.
public func wrapped(_ text: String, to width: Int?) -> [String] {
    guard let width, displayWidth(text) > width else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
        let joined = line.isEmpty ? String(word) : line + " " + word
        if displayWidth(joined) <= width {
            line = joined
            continue
        }
        if !line.isEmpty { lines.append(line) }
        line = ""
        for character in word {
            if displayWidth(line) + displayWidth(String(character)) > width {
                lines.append(line)
                line = ""
            }
            line.append(character)
        }
    }
    return lines + [line]
}
