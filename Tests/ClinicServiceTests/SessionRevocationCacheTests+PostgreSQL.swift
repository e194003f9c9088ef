// The promise about a user's role and token version against a real database: where transactions commit out of order, and where a
// crash has their numbers given out twice.

import ClinicStore
import Dispatch
import Foundation
import PostgreSQL
import TestCluster
import TestWaiting
import Testing

@testable import ClinicService

extension SessionRevocationCacheTests {
    @Test func `no change slips through when transactions commit in another order than they began`()
        async throws
    {
        let url = try await TestCluster.makeDatabase()
        let database = try await openDatabase(url)
        let users = UserStore(database: database)
        var ids: [Int64] = []
        for name in ["early", "late"] {
            ids.append(
                try await users.create(
                    UserStore.Draft(
                        firstName: name, lastName: "x", phone: "", email: "\(name)@x", passwordHash: ""),
                    context: RequestContext(actorID: nil, method: "test")
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
            userID: ids[1], ownerID: nil, context: RequestContext(actorID: nil, method: "test"))
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
        try await TestCluster.withPrivateCluster { cluster in
            // Numbers that nothing was committed with are written down when somebody gets round to it.
            try await AdminConnection.withConnection(url: cluster.administratorURL) { connection in
                try connection.execute("alter system set wal_writer_delay = 10000")
                try connection.execute("select pg_reload_conf()")
            }
            let database = try await openDatabase(cluster.url) { $0.readConnections = 1 }
            let context = RequestContext(actorID: nil, method: "test")
            let draft = UserStore.Draft(
                firstName: "x", lastName: "x", phone: "", email: "x@x", passwordHash: "")
            let user = try await UserStore(database: database).create(draft, context: context)
            let sessions = SessionStore(database: database)
            let revocations = SessionRevocationCache(
                source: sessions, maximumAge: .seconds(5), now: clock.now)
            try await AdminConnection.withConnection(url: cluster.url) { connection in
                for _ in 1...20 { try connection.execute("begin; select pg_current_xact_id(); rollback") }
            }
            let before = try #require(try await revocations.access(of: user.id, tokenVersion: 0))

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
            try await sessions.revoke(userID: user.id, ownerID: nil, context: context)
            clock.advance(.seconds(5))
            let after = try await revocations.access(of: user.id, tokenVersion: 0)
            #expect(after?.tokenVersion == before.tokenVersion + 1)
            await database.close()
        }
    }
}
