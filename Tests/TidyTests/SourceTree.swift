// The files that the tidy tests look at, read once.

import Foundation
import Testing

/// A text file of the repository.
struct SourceFile: Sendable {
    /// Its path from the root of the repository.
    let path: String
    let text: String
    let lines: [Substring]

    /// Its name without folder and extension.
    var name: String { URL(filePath: path).deletingPathExtension().lastPathComponent }

    /// Whether a generator writes it.
    var isGenerated: Bool { path.hasSuffix(".generated.swift") || path.contains(".pb-c.") }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }
}

/// The repository.
enum SourceTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The files in these folders whose names end so, by path.
    static func files(in folders: [String], endingIn endings: [String]) -> [SourceFile] {
        var files: [SourceFile] = []
        for folder in folders {
            let base = root.appending(path: folder)
            let paths = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
            while let url = paths?.nextObject() as? URL {
                guard endings.contains(where: url.lastPathComponent.hasSuffix),
                    let text = try? String(contentsOf: url, encoding: .utf8)
                else { continue }
                let path = url.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count)
                files.append(SourceFile(path: String(path.drop { $0 == "/" }), text: text))
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    /// Every Swift file that people write.
    static let swift = files(in: ["Sources", "clients", "Tests"], endingIn: [".swift"])
        .filter { !$0.isGenerated }

    /// The SQL of the schema.
    static let sql = files(in: ["Sources/ClinicStore"], endingIn: [".sql"])

    static let package = SourceFile(
        path: "Package.swift",
        text: (try? String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)) ?? "")
}

extension SourceTree {
    /// The text files that stand in the root.
    static let filesOfRoot: [SourceFile] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.filter { $0.hasSuffix(".md") || ["Makefile", "Package.swift"].contains($0) }.compactMap {
            name in
            (try? String(contentsOf: root.appending(path: name), encoding: .utf8)).map {
                SourceFile(path: name, text: $0)
            }
        }
    }()
}

/// Fails with a line for each place that was found.
func expectNone(_ places: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    if !places.isEmpty { Issue.record("\n\(places.joined(separator: "\n"))", sourceLocation: sourceLocation) }
}
