// The README's table of reasons is the one in the source.

import Foundation
import TTRPC
import Testing

@testable import ClinicService

@Test func `the README lists every reason with its code, in the order of the source`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let table = try #require(text.firstRange(of: "| reason | code | when |\n|---|---|---|\n"))
    let rows = text[table.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
        .prefix { $0.hasPrefix("|") }
    let listed = try rows.map { row in
        let cells = try #require(row.wholeMatch(of: /\| `([A-Z_]+)` \| `([A-Z_]+)` \| \S.* \|/), "\(row)")
        return "\(cells.1) \(cells.2)"
    }
    #expect(listed == Reason.allCases.map { "\($0.rawValue) \($0.code.protoName)" })
}
