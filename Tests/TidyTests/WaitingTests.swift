// A test waits for what it needs and not for a time. Where time itself is what is tested, it says so here.

import Testing

/// Files of tests that sleep, how often, and why that is no waiting.
private let sleepers: [String: (count: Int, reason: String)] = [
    "Tests/TestWaiting/Eventually.swift": (1, "it is what waits"),
    "Tests/PostgreSQLTests/CancellationTests.swift": (2, "a caller gives up after a time drawn by lot"),
    "Tests/OpenSSLTests/StalledPeerTests.swift": (1, "a peer that drips bytes"),
    "Tests/ClinicLoadTests/EngineTests.swift": (7, "servers that take their time, and a stalled generator"),
    "Tests/ClinicLoadTests/TokenRenewalTests.swift": (
        2, "a server that does not answer, and a clock of its own"
    ),
    "Tests/ClinicClientTests/ClinicClientTests.swift": (1, "a server that does not answer"),
    "Tests/MonitoringTests/ProcessMemoryTests.swift": (1, "the memory of an idle process over a time"),
    "Tests/EndToEndTests/FaultScene.swift": (2, "clients that pause between their calls"),
    "Tests/EndToEndTests/FaultTests.swift": (1, "a fault at a moment drawn by lot"),
    "Tests/EndToEndTests/WebRequest.swift": (1, "asks a page again until it is there"),
    "Tests/RPCTests/FairLoopTests.swift": (1, "a handler that keeps its event loop"),
    "Tests/TTRPCTests/FrameRulesTests.swift": (1, "a task that does not end"),
    "Tests/TestRPC/TestServer.swift": (1, "a handler that takes its time"),
    "Tests/TestRPC/RawPeer.swift": (1, "the bound of a wait"),
]

@Test func `only the helper that waits sleeps, and what has a reason`() {
    var found: [String: Int] = [:]
    for (file, words) in zip(SourceTree.swift, SourceTree.words)
    where file.path.hasPrefix("Tests/") && !file.path.hasPrefix("Tests/Benchmarks/") {
        for word in words where ["sleep", "usleep", "nanosleep"].contains(word.text) && !word.isInString {
            found[file.path, default: 0] += 1
        }
    }
    let paths = Set(found.keys).union(sleepers.keys).sorted()
    expectNone(
        paths.filter { found[$0] != sleepers[$0]?.count }
            .map { "\($0): \(found[$0] ?? 0) sleeps, and a reason for \(sleepers[$0]?.count ?? 0)" })
}
