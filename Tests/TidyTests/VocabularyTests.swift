// One idea, one word, and the word is the field's: the names that were replaced do not come back.

import Testing

/// A name that was replaced, and by what.
private struct OldName {
    let name: String
    let now: String
    /// The folder in which the name is old; elsewhere it may be right.
    let folder: String

    init(_ name: String, _ now: String, in folder: String = "") {
        self.name = name
        self.now = now
        self.folder = folder
    }
}

/// Types that were renamed.
private let oldTypes: [OldName] = [
    OldName("Lane", "ConnectionPool"), OldName("Link", "PooledConnection"),
    OldName("Wire", "PipelinedConnection"), OldName("WireEntry", "PendingResult"),
    OldName("Answers", "CompletedResults", in: "Sources/PostgreSQL"),
    OldName("Call", "StatementRequest", in: "Sources/PostgreSQL"),
    OldName("WaitingLine", "RequestQueue"), OldName("Backlog", "QueueDelayEstimator"),
    OldName("Burst", "StatementBatch"), OldName("Heard", "a notification", in: "Sources"),
    OldName("CancelPatience", "CancelScheduler"), OldName("WakeUps", "a batch that is handed along"),
    OldName("MethodTable", "Router"), OldName("HandlerStart", "Reply"),
    OldName("Responder", "ResponsePromise"),
    OldName("RememberedMetadata", "MetadataCache"), OldName("PeerPatience", "ConnectionTimeouts"),
    OldName("HalfOpenLine", "TCPKeepalive"), OldName("InboundAccount", "FlowControlBudget"),
    OldName("LimitedLog", "RateLimitedLogger"), OldName("Endpoints", "ServiceRegistry"),
    OldName("Gate", "AuthorizationInterceptor", in: "Sources"),
    OldName("Standings", "SessionRevocationCache"), OldName("Standing", "UserAccess"),
    OldName("Presence", "StreamReauthorizer"),
    OldName("RecentlyUsed", "TwoGenerationCache"), OldName("MoneyAnswers", "a …Mapping"),
    OldName("DirectoryAnswers", "a …Mapping"), OldName("ConsistencyAnswers", "a …Mapping"),
    OldName("Directory", "DirectoryCache"), OldName("Remembered", "InvalidatingCache"),
    OldName("Origin", "RequestContext"),
]

/// Functions, properties and labels that were renamed.
private let oldMembers: [OldName] = [
    OldName("neighbourhood", "affinityKey"), OldName("formSets", "coalesce"),
    OldName("comesInSets", "batched"),
    OldName("sendingTogether", "an explicit batch"), OldName("isQuick", "isPointRead"),
    OldName("quickReads", "pointReads"), OldName("hasRoom", "admits", in: "Sources/PostgreSQL"),
    OldName("hasRoom", "admits", in: "Sources/ClinicService"), OldName("hear", "pollNotifications"),
    OldName("sawFarewell", "sawServerShutdown"), OldName("aroundTurns", "a batch that is handed along"),
    OldName("aroundAnswers", "a batch that is handed along"), OldName("turnAway", "reject"),
    OldName("giveUp", "closeWithViolation", in: "Sources/TTRPC"),
    OldName("giveUp", "closeWithViolation", in: "Sources/RPC"),
    OldName("groups_total", "batches_total"), OldName("refused_calls_total", "call_errors_total"),
    OldName("recall", "cached"), OldName("lane", "pool", in: "Sources"),
    OldName("asks", "pending", in: "Sources/TTRPC"), OldName("asks", "pending", in: "Sources/RPC"),
    OldName("note", "a context that is handed along", in: "Sources/TTRPC"),
    OldName("note", "a context that is handed along", in: "Sources/RPC"),
]

/// Functions of the database that were renamed.
private let oldFunctions: [OldName] = [
    OldName("write_down", "append_events"), OldName("write_down_all", "append_events"),
    OldName("new_calls", "claim_keys"), OldName("make_room", "expire_conflicting_holds"),
    OldName("keep_terms", "lock_versions"), OldName("booking_answer", "booking_view"),
    OldName("doctor_answer", "doctor_view"), OldName("transaction_answer", "transaction_view"),
]

/// The tables above name what was replaced.
private func isLookedAt(_ path: String) -> Bool { !path.hasPrefix("Tests/TidyTests/") }

@Test func `no type has a name that was replaced`() {
    let types = SourceTree.declarations.filter { $0.isType && isLookedAt($0.file.path) }
    expectNone(
        oldTypes.flatMap { old in
            types.filter { $0.name == old.name && $0.file.path.hasPrefix(old.folder) }
                .map { "\($0.place): say \(old.now)" }
        })
}

@Test func `no file has the name of a type that was replaced`() {
    let old = Set(oldTypes.filter { $0.folder.isEmpty }.map(\.name))
    let found = SourceTree.swift.filter { file in
        isLookedAt(file.path) && old.contains(String(file.name.prefix { $0 != "+" }))
    }
    expectNone(found.map(\.path))
}

@Test(arguments: ["Call", "Refusal", "Page", "Listener"])
func `one type at most has each of these names`(name: String) {
    let types = SourceTree.declarations.filter { declaration in
        declaration.isType && declaration.name == name && declaration.file.path.hasPrefix("Sources/")
    }
    if types.count > 1 { expectNone(types.map(\.place)) }
}

@Test func `no function, property or label has a name that was replaced`() {
    let byName = Dictionary(grouping: oldMembers, by: \.name)
    var found: [String] = []
    for (file, words) in zip(SourceTree.swift, SourceTree.words) where isLookedAt(file.path) {
        for word in words {
            for old in byName[word.text] ?? [] where file.path.hasPrefix(old.folder) {
                found.append("\(file.path):\(word.line): \(word.text): say \(old.now)")
            }
        }
    }
    expectNone(found)
}

@Test func `no SQL names a function or a view that was replaced`() {
    let byName = Dictionary(grouping: oldFunctions, by: \.name)
    var found: [String] = []
    for file in SourceTree.sql {
        for word in file.text.split(whereSeparator: { !$0.isLetter && $0 != "_" }) {
            for old in byName[String(word)] ?? [] { found.append("\(file.path): \(word): say \(old.now)") }
        }
    }
    expectNone(found)
}
