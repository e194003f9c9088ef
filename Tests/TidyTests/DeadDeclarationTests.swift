// What nothing names is deleted. A declaration counts as dead when its name stands nowhere else in the Swift of the
// package, or of its file if it is private: two dead ones of one name keep each other, but what is reported is dead.

import Testing

/// What only a library calls, by the library's protocol.
private let calledByLibraries: Set = [
    // NIO's handlers.
    "channelActive", "channelInactive", "channelRead", "channelReadComplete", "channelRegistered",
    "channelWritabilityChanged", "handlerAdded", "handlerRemoved", "userInboundEventTriggered", "errorCaught",
    // Handlers of swift-metrics.
    "reset", "preferDisplayUnit",
]

/// How often each word stands in the files.
private func count(_ words: some Sequence<SwiftWord>) -> [String: Int] {
    words.reduce(into: [:]) { $0[$1.text, default: 0] += 1 }
}

@Test func `every declaration is named somewhere else, a private one in its file`() {
    let counts = count(SourceTree.words.joined())
    let countsByFile = Dictionary(
        uniqueKeysWithValues: zip(SourceTree.swift, SourceTree.words).map { ($0.path, count($1)) })
    let kinds: Set = ["func", "struct", "class", "enum", "let", "actor", "protocol", "typealias"]
    let candidates = SourceTree.declarations.filter { declaration in
        !declaration.file.path.hasPrefix("Tests/") && kinds.contains(declaration.keyword)
            && declaration.modifiers.isDisjoint(with: ["public", "open", "override"])
            && declaration.name != "_" && !declaration.isEntryPoint
    }
    #expect(candidates.count > 2_000)
    let dead = candidates.filter { declaration in
        let isOnlyForItsFile = !declaration.modifiers.isDisjoint(with: ["private", "fileprivate"])
        let counts = isOnlyForItsFile ? countsByFile[declaration.file.path] ?? [:] : counts
        return counts[declaration.name] == 1 && !calledByLibraries.contains(declaration.name)
    }
    expectNone(dead.map(\.place))
}
