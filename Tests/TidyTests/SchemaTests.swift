// The schema's folder: the current text of a function or a view stands in one file of its name, and migrations have
// numbers without gaps or twins.

import Foundation
import Testing

private let schema = SourceTree.sql.filter { $0.path.hasPrefix("Sources/ClinicStore/Schema/") }

private let isThere = !schema.isEmpty

/// What a file defines: the kind and the name, without its schema.
private func definitions(in file: SourceFile) -> [(kind: String, name: String)] {
    let code = file.lines.map { line in
        line.firstRange(of: "--").map { line[..<$0.lowerBound] } ?? line
    }.joined(separator: "\n")
    let pattern =
        /(?i)^create(?: or replace)?(?: materialized)? (function|procedure|view|type|aggregate|trigger) (?:\w+\.)?(\w+)/
    return code.matches(of: pattern.anchorsMatchLineEndings()).map {
        (String($0.1).lowercased(), String($0.2))
    }
}

private func files(in folder: String) -> [SourceFile] {
    schema.filter { $0.path.hasPrefix("Sources/ClinicStore/Schema/\(folder)/") }
}

@Test(
    .enabled(if: isThere),
    arguments: [
        ("functions", "function"), ("views", "view"), ("triggers", "function"), ("types", "type"),
    ])
func `a file of the schema defines one thing, of its own name`(folder: String, kind: String) {
    for file in files(in: folder) {
        let defined = definitions(in: file)
        #expect(
            defined.map(\.kind) == [kind] && defined.map(\.name) == [file.name], "\(file.path): \(defined)")
    }
}

@Test(.enabled(if: isThere)) func `functions and views are there, each in its folder and once`() {
    let functions = files(in: "functions")
    #expect(functions.count > 20)
    #expect(files(in: "views").count > 3)
    #expect(
        functions.allSatisfy { $0.path.split(separator: "/").count == 6 }, "functions/<aggregate>/<name>.sql")
    let names = schema.filter { !$0.path.contains("/migrations/") }.flatMap {
        definitions(in: $0).map(\.name)
    }
    let twins = Dictionary(grouping: names, by: \.self).filter { $0.value.count > 1 }.keys
    #expect(twins.isEmpty, "\(twins.sorted())")
}

@Test(.enabled(if: isThere))
func `migrations are numbered from 1 without gaps or twins, and define no function`() throws {
    let migrations = files(in: "migrations")
    let numbers = try migrations.map { file in
        try #require(file.name.wholeMatch(of: /V(\d{3})__[a-z0-9_]+/).flatMap { Int($0.1) }, "\(file.path)")
    }
    #expect(!numbers.isEmpty && numbers.sorted() == Array(1...max(1, numbers.count)))
    for file in migrations {
        let defined = definitions(in: file).filter { ["function", "procedure", "view"].contains($0.kind) }
        #expect(defined.isEmpty, "\(file.path): \(defined)")
    }
}

@Test(.enabled(if: isThere)) func `every statement of SQL that is embedded stands in the schema's folder`() {
    #expect(SourceTree.sql.count == schema.count)
}
