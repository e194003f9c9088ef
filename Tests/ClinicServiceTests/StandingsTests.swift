// The promise that a change of a person's standing is known 5 seconds later, and what it may cost: by a clock and a
// database of the test's own, and against the real one where transactions commit out of order.

import ClinicStore
import Dispatch
import Foundation
import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

@testable import ClinicService

@Suite struct StandingsTests {
    private let clock = Clock()
    private let source = Source()
    private let standings: Standings

    init() {
        standings = Standings(source: source, maximumAge: .seconds(5), now: clock.now)
    }

    private func version(of userID: Int64, atLeast version: Int64 = 1) async throws -> Int64? {
        try await standings.standing(of: userID, tokenVersion: version)?.tokenVersion
    }

    @Test func `a change is known five seconds later, and until then a call costs no round trip`()
        async throws
    {
        source.set(7, 1)
        #expect(try await version(of: 7) == 1)
        source.change(7, to: 2)
        clock.advance(.milliseconds(2_499))
        for _ in 0..<1_000 { #expect(try await version(of: 7) == 1) }
        #expect(source.counts == (reads: 1, readings: 1))
        clock.advance(.milliseconds(2_501))
        #expect(try await version(of: 7) == 2)
        #expect(source.counts == (reads: 2, readings: 2))
    }

    @Test func `after half the time a call starts a reading and does not wait for it`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        let gate = source.holdReadings()
        source.change(7, to: 2)
        clock.advance(.seconds(3))
        for _ in 0..<10 { #expect(try await version(of: 7) == 1) }
        await gate.reached()
        for _ in 0..<10 { #expect(try await version(of: 7) == 1) }
        #expect(source.counts == (reads: 1, readings: 2))
        gate.open()
        try await eventually("the change") { try await version(of: 7) == 2 }
        #expect(source.counts == (reads: 2, readings: 2))
        // What was read at three seconds is good until eight, for whoever did not change.
        clock.advance(.milliseconds(2_400))
        #expect(try await version(of: 7) == 2)
        #expect(source.counts == (reads: 2, readings: 2))
    }

    @Test func `a reading that takes too long is waited for, by all with one statement`() async throws {
        for userID in 1...20 as ClosedRange<Int64> { source.set(userID, 1) }
        for userID in 1...20 as ClosedRange<Int64> { _ = try await version(of: userID) }
        source.change(3, to: 2)
        clock.advance(.seconds(60))
        let gate = source.holdReadings()
        let versions = try await withThrowingTaskGroup(of: (Int64, Int64?).self) { group in
            for userID in 1...20 as ClosedRange<Int64> {
                group.addTask { (userID, try await version(of: userID)) }
            }
            await gate.reached()
            gate.open()
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(versions == Dictionary(uniqueKeysWithValues: (1...20).map { ($0, $0 == 3 ? 2 : 1) }))
        #expect(source.counts == (reads: 21, readings: 2))
    }

    @Test func `what was read before a change that came in meanwhile is not remembered`() async throws {
        source.set(1, 1)
        source.set(7, 1)
        _ = try await version(of: 1)
        let gate = source.holdReads()
        async let old = version(of: 7)
        await gate.reached()
        source.change(7, to: 2)
        clock.advance(.seconds(5))
        _ = try await version(of: 1)
        gate.open()
        #expect(try await old == 1)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `a change that was made here is known to the next call`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.set(7, 2)
        #expect(try await version(of: 7) == 1)
        standings.forget(7)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `a token that is newer than what is remembered makes it read again`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.set(7, 2)
        #expect(try await version(of: 7, atLeast: 2) == 2)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `who is gone is nobody, and not remembered`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.remove(7)
        clock.advance(.seconds(5))
        #expect(try await version(of: 7) == nil)
        #expect(standings.count == 0)
    }

    @Test func `too many changes at once, or another server, forget everything`() async throws {
        source.set(7, 1)
        for restart in [false, true] {
            _ = try await version(of: 7)
            source.set(7, restart ? 3 : 2)
            if restart { source.restart() } else { source.changeMany(Standings.changeLimit) }
            clock.advance(.seconds(5))
            #expect(try await version(of: 7) == (restart ? 3 : 2))
        }
    }

    @Test func `without a database old answers are good for their time and then nobody is let in`()
        async throws
    {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.fail(true)
        clock.advance(.milliseconds(4_999))
        #expect(try await version(of: 7) == 1)
        clock.advance(.milliseconds(1))
        await #expect(throws: Source.Down.self) { try await version(of: 7) }
        source.fail(false)
        #expect(try await version(of: 7) == 1)
    }

    @Test func `memory is bounded, and those who call stay`() async throws {
        let few = Standings(source: source, maximumAge: .seconds(5), limit: 100, now: clock.now)
        for userID in 1...1_000 as ClosedRange<Int64> {
            source.set(userID, 1)
            _ = try await few.standing(of: userID, tokenVersion: 1)
            _ = try await few.standing(of: 1, tokenVersion: 1)
            #expect(few.count <= 100)
        }
        #expect(source.counts.reads == 1_000)
    }

    @Test func `no change slips through when transactions commit in another order than they began`()
        async throws
    {
        let url = try await TestCluster.makeDatabase()
        try await Migrator(migrations: clinicMigrations, logger: TestCluster.logger).migrate(url: url)
        let database = Database(configuration: DatabaseConfiguration(url: url), logger: TestCluster.logger)
        try await database.start()
        let users = UserStore(database: database)
        var ids: [Int64] = []
        for name in ["early", "late"] {
            ids.append(
                try await users.create(
                    UserStore.Draft(
                        firstName: name, lastName: "x", phone: "", email: "\(name)@x", passwordHash: ""),
                    origin: Origin(actorID: nil, method: "test")
                ).id)
        }
        let sessions = SessionStore(database: database)
        var position = try await sessions.changes(from: nil, limit: 10).position
        let (began, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let early = ids[0]
        async let slow: Void = AdminConnection.withConnection(url: url) { connection in
            try connection.execute("begin; update clinic.user_account set role = 'STAFF' where id = \(early)")
            began.signal()
            goOn.wait()
            try connection.execute("commit")
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                began.wait()
                continuation.resume()
            }
        }
        try await sessions.revoke(
            userID: ids[1], ownerID: nil, origin: Origin(actorID: nil, method: "test"))
        let first = try await sessions.changes(from: position, limit: 10)
        #expect(first.userIDs == [ids[1]])
        position = first.position
        goOn.signal()
        try await slow
        let second = try await sessions.changes(from: position, limit: 10)
        #expect(second.userIDs?.contains(early) == true)
        await database.close()
    }

    @Test func `a change is known though a crash had its transaction's number given out twice`() async throws
    {
        let cluster = try await TestCluster.startPrivateCluster()
        // Numbers that nothing was committed with are written down when somebody gets round to it.
        try await AdminConnection.withConnection(url: cluster.administratorURL) { connection in
            try connection.execute("alter system set wal_writer_delay = 10000")
            try connection.execute("select pg_reload_conf()")
        }
        try await Migrator(migrations: clinicMigrations, logger: TestCluster.logger).migrate(url: cluster.url)
        var configuration = DatabaseConfiguration(url: cluster.url)
        configuration.readConnections = 1
        let database = Database(configuration: configuration, logger: TestCluster.logger)
        try await database.start()
        let origin = Origin(actorID: nil, method: "test")
        let draft = UserStore.Draft(firstName: "x", lastName: "x", phone: "", email: "x@x", passwordHash: "")
        let user = try await UserStore(database: database).create(draft, origin: origin)
        let sessions = SessionStore(database: database)
        let standings = Standings(source: sessions, maximumAge: .seconds(5), now: clock.now)
        try await AdminConnection.withConnection(url: cluster.url) { connection in
            for _ in 1...20 { try connection.execute("begin; select pg_current_xact_id(); rollback") }
        }
        let before = try #require(try await standings.standing(of: user.id, tokenVersion: 0))

        let backends = Statement("select pg_backend_pid()::bigint")
        func backend(_ rows: Rows) throws -> Int64 {
            var row = try #require(rows.first)
            return try row.int64()
        }
        let (reader, writer) = try await (
            backend(database.read(backends)), backend(database.write(backends))
        )
        kill(pid_t(reader), SIGKILL)
        try await eventually("the database on new connections") {
            // While the server recovers, nobody is answered.
            guard let read = try? await backend(database.read(backends)), read != reader,
                let written = try? await backend(database.write(backends)), written != writer
            else { return false }
            return true
        }
        try await sessions.revoke(userID: user.id, ownerID: nil, origin: origin)
        clock.advance(.seconds(5))
        let after = try await standings.standing(of: user.id, tokenVersion: 0)
        #expect(after?.tokenVersion == before.tokenVersion + 1)
        await database.close()
        await cluster.stop()
    }
}

/// A clock that stands until it is moved.
private final class Clock: Sendable {
    private let moment = Mutex(ContinuousClock.now)

    var now: @Sendable () -> ContinuousClock.Instant { { self.moment.withLock { $0 } } }

    func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
}

/// Lets nobody pass before it is opened.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watching: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                defer { state.watching = [] }
                if state.isOpen { return state.watching + [continuation] }
                state.waiting.append(continuation)
                return state.watching
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Waits until somebody waits.
    func reached() async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.waiting.isEmpty { state.watching.append(continuation) }
                return !state.waiting.isEmpty
            }
            if isReached { continuation.resume() }
        }
    }

    func open() {
        let ready = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in ready { continuation.resume() }
    }
}

/// Standings without a database, which counts what it is asked.
private final class Source: StandingSource {
    struct Down: Error {}

    private struct State {
        var versions: [Int64: Int64] = [:]
        var changed: [(transaction: Int64, userID: Int64)] = []
        var server: Int64 = 1
        var transaction: Int64 = 1
        var reads = 0
        var readings = 0
        var readGate: Gate?
        var readingGate: Gate?
        var isDown = false
    }

    private let state = Mutex(State())

    var counts: (reads: Int, readings: Int) { state.withLock { ($0.reads, $0.readings) } }

    /// As a user was from the beginning: nothing tells of it.
    func set(_ userID: Int64, _ version: Int64) { state.withLock { $0.versions[userID] = version } }

    func change(_ userID: Int64, to version: Int64) {
        state.withLock { state in
            state.versions[userID] = version
            state.changed.append((state.transaction, userID))
            state.transaction += 1
        }
    }

    func remove(_ userID: Int64) {
        change(userID, to: 0)
        state.withLock { $0.versions[userID] = nil }
    }

    func changeMany(_ count: Int64) {
        for userID in 0..<count { change(1_000_000 + userID, to: 1) }
    }

    func restart() {
        state.withLock { state in
            state.server += 1
            state.transaction = 1
            state.changed = []
        }
    }

    func fail(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    func holdReads() -> Gate {
        let gate = Gate()
        state.withLock { $0.readGate = gate }
        return gate
    }

    func holdReadings() -> Gate {
        let gate = Gate()
        state.withLock { $0.readingGate = gate }
        return gate
    }

    func standing(of userID: Int64) async throws -> Standing? {
        let (version, gate) = try state.withLock { state in
            if state.isDown { throw Down() }
            state.reads += 1
            return (state.versions[userID], state.readGate)
        }
        await gate?.pass()
        return version.map { Standing(role: .patient, tokenVersion: $0) }
    }

    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.StandingChanges {
        let (answer, gate) = try state.withLock { state in
            if state.isDown { throw Down() }
            state.readings += 1
            let since = position.flatMap { position in
                position.server == state.server
                    ? state.changed.filter { $0.transaction >= position.transaction }.map(\.userID) : nil
            }
            return (
                SessionStore.StandingChanges(
                    position: SessionStore.Position(server: state.server, transaction: state.transaction),
                    userIDs: since.map { Array($0.prefix(Int(limit))) }), state.readingGate
            )
        }
        await gate?.pass()
        return answer
    }
}
