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

/// Where the reasons are provoked that no row of RefusalTests does: a file of this folder and a test in it.
private let provokedElsewhere: [Reason: (file: String, test: String)] = [
    .invalidResumeToken: ("WatchTests", "a token from ahead of the history is refused"),
    .loginThrottled: ("RefusalTests", "ten wrong passwords close the door for a while and say for how long"),
    .outcomeUnknown: (
        "UnknownOutcomeTests", "without a key the caller hears that the outcome is not known"
    ),
    .overloaded: ("DisabledServiceTests", "more sign-ins than may wait are refused with OVERLOADED"),
    .databaseUnavailable: (
        "DisabledServiceTests", "without PostgreSQL reads and changes are refused with DATABASE_UNAVAILABLE"
    ),
    .deadlineExceeded: (
        "DisabledServiceTests", "a statement that PostgreSQL gives up is DEADLINE_EXCEEDED"
    ),
    .staleVersion: (
        "DisabledServiceTests", "a change that others always win is STALE_VERSION after it was tried again"
    ),
    .internalError: (
        "DisabledServiceTests", "a defect is INTERNAL with a request id and nothing of its text"
    ),
]

@Test func `every reason is provoked by some test`() throws {
    let listed = Set(refusalCases.map(\.reason))
    for reason in Reason.allCases {
        guard let place = provokedElsewhere[reason] else {
            #expect(listed.contains(reason.rawValue), "\(reason.rawValue) is in no row of RefusalTests")
            continue
        }
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: place.file + ".swift"), encoding: .utf8)
        let test = try #require(text.firstRange(of: "func `\(place.test)`"), "\(place)")
        let body = text[test.upperBound...].split(separator: "@Test", maxSplits: 1).first
        #expect(body?.contains("\"\(reason.rawValue)\"") == true, "\(place)")
    }
}
