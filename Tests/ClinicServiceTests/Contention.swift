// Races that are sure to happen: another connection holds a lock until all who take part wait, and then lets go.
// PostgreSQL serves those who wait for a row in the order in which they came, so the outcome of each is known.

import ClinicServer
import ClinicService
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

/// Calls that join a race together.
struct Contenders: Sendable {
    /// How many server processes wait for a lock once they have joined.
    let backends: Int
    let calls: [@Sendable () async throws -> Void]

    /// - Parameter backends: a server of the clinic sends the calls that concern one doctor, and those of one person, on
    ///   one connection: the others of them wait in its queue.
    init(backends: Int, _ calls: [@Sendable () async throws -> Void]) {
        self.backends = backends
        self.calls = calls
    }

    init(backends: Int, _ call: @escaping @Sendable () async throws -> Void) {
        self.init(backends: backends, [call])
    }

    /// One call for each item.
    init<Items: Sequence>(
        backends: Int, each items: Items, _ call: @escaping @Sendable (Items.Element) async throws -> Void
    ) where Items.Element: Sendable {
        var calls: [@Sendable () async throws -> Void] = []
        for item in items { calls.append { try await call(item) } }
        self.init(backends: backends, calls)
    }
}

/// Runs the contenders while a connection of its own holds the lock: each joins when those before it wait, in
/// PostgreSQL or in the queue in front of it. Then the lock is let go.
///
/// - Parameters:
///   - lock: the statement that takes it.
///   - clinics: the servers of one clinic that the contenders call.
///   - meanwhile: what happens after the last has joined and before the lock is let go.
/// - Returns: for each of the contenders, how many of their calls ended how: by the reason of the failure, or OK.
func race(
    behind lock: String, in clinics: [TestClinic], _ contenders: [Contenders],
    meanwhile: () async throws -> Void = {}
) async throws -> [[String: Int]] {
    // What it writes would wait among the contenders.
    for clinic in clinics { try await clinic.finishAccessLog() }
    var running: [[Task<String, any Error>]] = []
    try await withWriters(1, clinics[0].databaseURL) { writers in
        try await writers[0].run("begin; \(lock)")
        var joined = 0
        for group in contenders {
            running.append(group.calls.map { call in Task { try await ending(of: call) } })
            joined += group.calls.count
            try await eventually("\(joined) changes, \(group.backends) of them at the lock") {
                let waiting = try await clinics[0].backendsAtLocks()
                return waiting == group.backends
                    && clinics.reduce(0) { $0 + $1.unansweredChanges } == joined
            }
        }
        try await meanwhile()
        try await writers[0].run("commit")
    }
    var endings: [[String: Int]] = []
    for group in running {
        var counts: [String: Int] = [:]
        for call in group { counts[try await call.value, default: 0] += 1 }
        endings.append(counts)
    }
    return endings
}

/// Runs all at once and counts how each ended: by the reason of its failure, or OK.
func race(_ calls: [@Sendable () async throws -> Void]) async throws -> [String: Int] {
    try await withThrowingTaskGroup(of: String.self) { group in
        for call in calls { group.addTask { try await ending(of: call) } }
        return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}

/// The reason a call fails with, or OK.
func ending(of call: () async throws -> Void) async throws -> String {
    guard let failure = try await status(of: call) else { return "OK" }
    return failure.errorInfo?.reason ?? failure.description
}

/// Runs the body with a clinic whose calls may wait for locks and in queues for as long as a test delays them.
func withLongTimeouts<Value>(
    databaseURL: String? = nil, writeConnections: Int = 2, _ body: (TestClinic) async throws -> Value
) async throws -> Value {
    try await withClinic(
        databaseURL: databaseURL, statementTimeout: .seconds(120), lockTimeout: .seconds(100),
        writeConnections: writeConnections, outageTolerance: .seconds(100), body)
}

/// Runs the body with two servers of one clinic: calls that one server would send on one connection meet in PostgreSQL.
func withTwoServers<Value>(
    writeConnections: Int = 2, _ body: (TestClinic, TestClinic) async throws -> Value
) async throws -> Value {
    try await withLongTimeouts(writeConnections: writeConnections) { clinic in
        try await withLongTimeouts(databaseURL: clinic.databaseURL, writeConnections: writeConnections) {
            second in
            try await body(clinic, second)
        }
    }
}

extension TestClinic {
    /// The changes that this server has accepted and not answered: in its queue, or with PostgreSQL.
    var unansweredChanges: Int {
        let writes = database.statistics.writes
        return writes.waiting + writes.inFlight
    }

    /// Waits until the accesses up to now are written, which is a change of its own a little later.
    func finishAccessLog() async throws {
        try await eventually("the access log is written") { server.accessLog.waitingCount == 0 }
    }

    /// Whether a change would be let in now.
    var admitsChanges: Bool { database.admits(.writes) }

    /// How many server processes of the database wait for a lock.
    func backendsAtLocks() async throws -> Int64 {
        try await count(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and wait_event_type = 'Lock'
            """)
    }
}
