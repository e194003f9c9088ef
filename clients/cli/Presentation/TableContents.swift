// Comma-separated values (RFC 4180, with line feeds).

/// The titles and rows of a table for programs.
struct TableContents {
    let titles: [String]
    let rows: [[String]]

    /// The titles and the rows as lines. A text that a spreadsheet would take for a formula begins with an apostrophe,
    /// because names are untrusted.
    var csv: String {
        ([titles] + rows).map { row in row.map(Self.field).joined(separator: ",") + "\n" }.joined()
    }

    private static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=@\t\r".contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.contains(where: { ",\"\n\r".contains($0) || $0.isNewline }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
