// What the comments of error_reason.proto say, for tests that compare it with what callers get.

import Foundation
import Testing

private let comments: Result<[String: String], any Error> = Result {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let text = try String(
        contentsOf: root.appending(path: "proto/clinic/v1/error_reason.proto"), encoding: .utf8)
    var comments: [String: String] = [:]
    var comment = ""
    for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
        if line.hasPrefix("//") {
            comment += line.dropFirst(2)
        } else {
            if line.hasPrefix("ERROR_REASON_"), let name = line.split(separator: " ").first {
                comments[String(name.dropFirst("ERROR_REASON_".count))] = comment
            }
            comment = ""
        }
    }
    return comments
}

/// The names of all documented reasons.
func documentedReasons() throws -> Set<String> { Set(try comments.get().keys) }

/// The words behind `Metadata:` in the comment of a reason, among which are the keys that it may have.
func documentedFacts(of reason: String) throws -> Set<String> {
    let comment = try #require(try comments.get()[reason], "\(reason) is not documented")
    guard let start = comment.range(of: "Metadata: ") else { return [] }
    return Set(
        comment[start.upperBound...].split { !($0.isLetter || $0 == "_") }.map(String.init))
}
