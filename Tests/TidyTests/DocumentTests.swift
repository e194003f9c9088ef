// The documents name files and sections that exist. A rename that forgets a document fails here.

import Foundation
import Testing

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// A Markdown file of the repository.
struct Document: Sendable, CustomTestStringConvertible {
    /// The path from the root of the repository.
    let path: String
    let text: String

    var testDescription: String { path }
    var folder: URL { root.appending(path: path).deletingLastPathComponent() }

    /// All Markdown files outside hidden folders, sorted by path.
    static let all: [Document] = {
        let files = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        let urls = (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "md" }
        return urls.compactMap { url in
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
            return Document(path: String(url.path.dropFirst(root.path.count + 1)), text: text)
        }.sorted { $0.path < $1.path }
    }()

    /// The text without its blocks of code.
    var prose: String { text.replacing(/(?s)\n```.*?\n```/, with: "") }

    /// The fragments that links can name: one for each heading.
    var anchors: Set<String> {
        Set(
            prose.matches(of: /(?m)^#+ (.+)$/).map { heading in
                heading.output.1.lowercased().filter { $0.isLetter || $0.isNumber || "_ -".contains($0) }
                    .replacing(" ", with: "-")
            })
    }
}

private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.standardized.path) }

@Test func `there are documents to check`() {
    #expect(Document.all.contains { $0.path == "README.md" })
}

@Test(arguments: Document.all)
func `every relative link leads to a file and a heading that exist`(_ document: Document) {
    for match in document.prose.matches(of: /\]\(([^)\s]+)\)/) where !match.output.1.contains("://") {
        let parts = match.output.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let file =
            parts[0].isEmpty
            ? root.appending(path: document.path) : document.folder.appending(path: String(parts[0]))
        #expect(exists(file), "\(match.output.1)")
        guard parts.count == 2 else { continue }
        let path = String(file.standardized.path.dropFirst(root.path.count + 1))
        let target = Document.all.first { $0.path == path }
        #expect(target?.anchors.contains(String(parts[1])) == true, "\(match.output.1)")
    }
}

/// A path in backticks begins with a folder of the root, of Sources or of the document's own folder. Anything else, such
/// as the name of a method, is not taken for a path.
@Test(arguments: Document.all)
func `every path in backticks exists`(_ document: Document) {
    let bases = [root, root.appending(path: "Sources"), document.folder]
    for match in document.prose.matches(of: /`([A-Za-z0-9_.+-]+(?:\/[A-Za-z0-9_.+-]*)+)`/) {
        let path = String(match.output.1)
        let first = String(path.prefix { $0 != "/" })
        guard first != ".build", bases.contains(where: { exists($0.appending(path: first)) }) else {
            continue
        }
        #expect(bases.contains { exists($0.appending(path: path)) }, "\(path)")
    }
}

@Test func `the README stays within a page of 150 lines`() throws {
    let readme = try #require(Document.all.first { $0.path == "README.md" })
    #expect(readme.text.split(separator: "\n", omittingEmptySubsequences: false).count <= 151)
}
