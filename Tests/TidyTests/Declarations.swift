// The declarations of a Swift file, as far as their names and modifiers go.

/// A declaration of a type, a function or a constant.
struct SwiftDeclaration: Sendable {
    let keyword: String
    let name: String
    let file: SourceFile
    let line: Int
    let modifiers: Set<String>
    /// Whether the program begins there.
    let isEntryPoint: Bool

    var place: String { "\(file.path):\(line): \(keyword) \(name)" }
    var isType: Bool { Self.types.contains(keyword) }

    static let types: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    static let keywords = types.union(["func", "let", "var"])
    static let modifiers: Set = [
        "public", "open", "package", "internal", "private", "fileprivate", "static", "final", "override",
        "mutating",
        "nonisolated", "consuming", "borrowing", "indirect", "lazy", "weak", "unowned", "required",
        "convenience",
        "class",
    ]
}

extension SourceTree {
    static let declarations: [SwiftDeclaration] = zip(swift, words).flatMap { file, words in
        words.indices.compactMap { index in
            declaration(at: index, of: words, in: file)
        }
    }

    private static func declaration(
        at index: Int, of words: [SwiftWord], in file: SourceFile
    ) -> SwiftDeclaration? {
        let word = words[index]
        guard SwiftDeclaration.keywords.contains(word.text), !word.isInString,
            word.previousByte != UInt8(ascii: "."), index + 1 < words.count
        else { return nil }
        let name = words[index + 1]
        // `class func`, and `static let (a, b)`.
        guard !name.isInString, !SwiftDeclaration.keywords.contains(name.text),
            word.nextByte == name.text.utf8.first
        else { return nil }
        var modifiers: Set<String> = []
        var before = index - 1
        while before >= 0,
            SwiftDeclaration.modifiers.contains(words[before].text) || words[before].text == "set"
        {
            modifiers.insert(words[before].text)
            before -= 1
        }
        return SwiftDeclaration(
            keyword: word.text, name: name.text, file: file, line: word.line, modifiers: modifiers,
            isEntryPoint: before >= 0 && words[before].text == "main")
    }
}
