// What the compiler is told not to check: little, and each with its reason.

import Testing

/// The lines of a file that contain an attribute in code.
private func places(of attribute: String, _ argument: String) -> [(file: SourceFile, line: Int)] {
    zip(SourceTree.swift, SourceTree.words).flatMap { file, words in
        words.indices.compactMap { index in
            let word = words[index]
            guard word.text == attribute, !word.isInString, index + 1 < words.count,
                words[index + 1].text == argument
            else { return nil }
            return (file, word.line)
        }
    }
}

/// Whether a comment stands directly above the declaration that a line belongs to.
private func isExplained(_ file: SourceFile, _ line: Int) -> Bool {
    var above = line - 2
    func text(_ index: Int) -> Substring { file.lines[index].drop { $0 == " " } }
    // Other attributes of the declaration, conditions of the build, and the lines before its last.
    while above > 0, text(above).hasPrefix("@") || text(above).hasPrefix("#") || text(above).hasSuffix(",") {
        above -= 1
    }
    return above >= 0 && text(above).hasPrefix("//")
}

@Test func `exclusive access is left unchecked in eight places at most, each with its reason`() {
    let places = places(of: "exclusivity", "unchecked")
    #expect(places.count <= limits.exclusivity)
    let bare = places.filter { !isExplained($0.file, $0.line) }.map { "\($0.file.path):\($0.line)" }
    expectNone(bare)
}

@Test func `types are said to be Sendable unchecked in twelve places at most, each with its reason`() {
    let places = places(of: "unchecked", "Sendable")
    #expect(places.count <= limits.sendable)
    let bare = places.filter { !isExplained($0.file, $0.line) }.map { "\($0.file.path):\($0.line)" }
    expectNone(bare)
}

private let limits = (exclusivity: 8, sendable: 12)
