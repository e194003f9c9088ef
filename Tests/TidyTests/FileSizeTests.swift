// A file is one idea; 400 lines are more than one.

import Testing

@Test func `no Swift file has more than 400 lines`() {
    #expect(SourceTree.swift.count > 400)
    let long = SourceTree.swift.filter { $0.lines.count - 1 > 400 }
        .map { "\($0.path): \($0.lines.count - 1)" }
    expectNone(long)
}
