// Listening for notifications: they come at once, again after every loss, and a dead connection is noticed.

import Foundation
import PostgreSQL
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// What was heard, in order.
private final class Heard: Sendable {
    private let all = Mutex<[ChannelEvent]>([])

    func add(_ event: ChannelEvent) { all.withLock { $0.append(event) } }

    var events: [ChannelEvent] { all.withLock(\.self) }
    var notifications: Int { events.count { $0 == .notified } }
    var losses: Int { events.count { $0 == .lost } }

    /// The latest moment up to which everything was heard, if the line was not lost since.
    var upToDate: ContinuousClock.Instant? {
        if case .upToDate(let moment) = events.last(where: { $0 != .notified }) { moment } else { nil }
    }
}

struct ListenerTests {
    private static let notify = "SELECT pg_notify('news', '')"

    /// The process of PostgreSQL that listens.
    private func listeningProcess(_ url: String) async throws -> Int32 {
        Int32(
            clamping: try await number(
                """
                SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity
                WHERE datname = current_database() AND query = 'SELECT pg_backend_pid()'
                """, url))
    }

    @Test func `a notification arrives, and before any later proof that nothing was missed`()
        async throws
    {
        let (database, url) = try await makeDatabase()
        let heard = Heard()
        #expect(!database.statistics.isListening)
        try database.listen(to: "news", heard.add)
        try await eventually("the connection") { heard.upToDate != nil }
        #expect(database.statistics.isListening)
        for count in 1...20 {
            try await run(Self.notify, url)
            let moment = ContinuousClock.now
            try await eventually("a proof that is younger") { heard.upToDate.map { $0 >= moment } ?? false }
            #expect(heard.notifications == count)
        }
        try await run("SELECT pg_notify('others', '')", url)
        await database.close()
        #expect(heard.notifications == 20 && heard.losses == 1)
        #expect(!database.statistics.isListening)
        // PostgreSQL takes a moment to end a process whose connection is closed.
        try await eventually("no connection but the one that counts") {
            try await number(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()", url) == 1
        }
    }

    @Test func `a connection that is ended is reported lost, and is made again`() async throws {
        let (database, url) = try await makeDatabase()
        let heard = Heard()
        try database.listen(to: "news", heard.add)
        for loss in 1...3 {
            try await eventually("the connection") { heard.upToDate != nil }
            try await TestCluster.terminateConnections(of: url)
            try await eventually("the loss") { heard.losses == loss }
        }
        try await eventually("the connection") { heard.upToDate != nil }
        try await run(Self.notify, url)
        try await eventually("a notification") { heard.notifications == 1 }
        await database.close()
    }

    @Test func `a connection whose backend hangs proves nothing, and is given up`() async throws {
        let (database, url) = try await makeDatabase { $0.probeTimeout = .seconds(1) }
        let heard = Heard()
        try database.listen(to: "news", heard.add)
        try await eventually("the connection") { heard.upToDate != nil }
        let process = try await listeningProcess(url)
        kill(process, SIGSTOP)
        defer { kill(process, SIGCONT) }
        let moment = ContinuousClock.now
        try await run(Self.notify, url)
        try await eventually("the loss") { heard.losses == 1 }
        for case .upToDate(let proven) in heard.events.prefix(while: { $0 != .lost }) {
            #expect(proven <= moment)
        }
        try await eventually("another line") { heard.upToDate != nil }
        #expect(try await listeningProcess(url) != 0)
        await database.close()
    }

    @Test func `a server that stops is waited for`() async throws {
        let directory = try TestCluster.makeDirectory()
        let first = try await TestCluster.startPrivateCluster(in: directory)
        let database = try await connect(first.url)
        let heard = Heard()
        try database.listen(to: "news", heard.add)
        try await eventually("the connection") { heard.upToDate != nil }
        await first.stop()
        try await eventually("the loss") { heard.losses == 1 }
        let second = try await TestCluster.startPrivateCluster(in: directory)
        try await eventually("the connection again") { heard.upToDate != nil }
        try await run(Self.notify, second.url)
        try await eventually("a notification") { heard.notifications == 1 }
        await database.close()
        await second.stop()
    }

    @Test func `the connection ends with the database that nobody holds`() async throws {
        let url: String
        do {
            let (database, address) = try await makeDatabase()
            url = address
            let heard = Heard()
            try database.listen(to: "news", heard.add)
            try await eventually("the connection") { heard.upToDate != nil }
        }
        try await eventually("the end of all connections") {
            try await number(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()", url) == 1
        }
    }
}
