// The README's table of reasons is the one in the source.

import Foundation
import TTRPC
import Testing

@testable import ClinicService

/// The names and codes in one of the README's tables.
private func rows(under header: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let table = try #require(text.firstRange(of: "| \(header) | code | when |\n|---|---|---|\n"))
    let rows = text[table.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
        .prefix { $0.hasPrefix("|") }
    return try rows.map { row in
        let cells = try #require(row.wholeMatch(of: /\| `([A-Z_]+)` \| `([A-Z_]+)` \| \S.* \|/), "\(row)")
        return "\(cells.1) \(cells.2)"
    }
}

@Test func `the README lists every reason with its code, in the order of the source`() throws {
    #expect(try rows(under: "reason") == Reason.allCases.map { "\($0.rawValue) \($0.code.protoName)" })
}

@Test func `the README lists the reasons that only the wire has`() throws {
    let listed = try rows(under: "reason of the wire").compactMap { $0.split(separator: " ").first }
    let names = WireReason.allCases.map(\.rawValue).filter { Reason(rawValue: $0) == nil }
    #expect(listed.map(String.init) == names)
}
