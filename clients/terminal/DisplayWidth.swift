// The width of text on a terminal, and what must not reach it.

/// The width of a text in terminal columns: two per wide character, none per combining character.
public func displayWidth(_ text: String) -> Int {
    text.reduce(0) { width, character in
        guard let scalar = character.unicodeScalars.first else { return width }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return width
        default: return width + (isWide(scalar) ? 2 : 1)
        }
    }
}

/// The blocks of wide characters in Unicode's East Asian Width, and emoji.
private func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x20000...0x3FFFD:
        true
    default: scalar.properties.isEmojiPresentation
    }
}

/// Replaces characters that would move the cursor, break the line or change the text direction. Names are
/// untrusted, and a terminal interprets what is printed on it.
public func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
        default:
            let changesDirection =
                (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            result.append(changesDirection ? "\u{FFFD}" : scalar)
        }
    }
    return String(result)
}
