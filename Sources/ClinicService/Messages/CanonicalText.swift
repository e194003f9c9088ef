// One form for every text, so that two spellings of it are one: PostgreSQL and the clients compare bytes.

extension String {
    /// The text in composed form (NFC), without white space around it.
    var trimmedAndComposed: String {
        guard let first = unicodeScalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(unicodeScalars[first...last]).composed
    }

    /// The form in which names and addresses are compared: in lower case and composed. Composing can make a letter that
    /// has a lower case of its own, so both are repeated until nothing changes.
    var folded: String {
        var text = self
        while true {
            let next = text.lowercased().composed
            if next.utf8.elementsEqual(text.utf8) { return text }
            text = next
        }
    }

    /// Whether a reader would see anything of it.
    var isVisible: Bool { unicodeScalars.contains { !$0.isInvisible && !$0.properties.isWhitespace } }

    /// Whether more combining marks follow one another than the Stream-Safe Text Format allows.
    var hasLongRunOfCombiningMarks: Bool {
        var run = 0
        for scalar in unicodeScalars {
            run = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : run + 1
            if run > RequestLimits.combiningMarks { return true }
        }
        return false
    }

    /// The text in composed form (NFC). The time is quadratic in the length of a run of combining marks.
    ///
    /// The standard library composes for Foundation under this name and has none for everybody yet; Foundation itself
    /// would bring a collation database of 40 MB into the program for it.
    var composed: String { String(decoding: _nfcCodeUnits, as: UTF8.self) }
}

extension Unicode.Scalar {
    /// Whether it has no shape of its own: a control or format character, one that fonts leave out, or a blank pattern of
    /// Braille.
    var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .format: true
        default: properties.isDefaultIgnorableCodePoint || self == "\u{2800}"
        }
    }
}
