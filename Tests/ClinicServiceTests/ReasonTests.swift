// Every reason is provoked by some test. That the API reference lists them all is checked by APIReferenceTests.

import Foundation
import Testing

@testable import ClinicService

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
