// The audit trail: its reader loses nothing in whatever order transactions commit, and administrators can look things up.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestCluster
import TestRandom
import TestWaiting
import Testing

@Suite struct EventTests {
    /// Inserts the event of a thing of this number.
    private static func insert(_ number: Int) -> String {
        "insert into clinic.event (method, entity, entity_id, change) values ('m', 'thing', \(number), '{}')"
    }

    /// A database with the schema and nothing else in it.
    private func makeDatabase() async throws -> (database: Database, url: String) {
        let url = try await TestCluster.makeDatabase()
        return (try await openDatabase(url), url)
    }

    @Test(arguments: 0..<4)
    func `a reader who is cut off anywhere misses nothing and sees nothing twice`(run: Int) async throws {
        let (database, url) = try await makeDatabase()
        let store = EventStore(database: database)
        var generator = SeededGenerator(printing: "commits \(run)")
        var committed: Set<Int64> = []
        var seen: [EventRecord] = []
        // What a reader of sequence numbers alone would have seen.
        var naive: Set<Int64> = []
        var lastSequence: Int64 = 0

        func read() async throws {
            let limit = Int64.random(in: 1...9, using: &generator)
            let page = try await store.read(after: seen.last?.position, limit: limit, for: nil)
            // Cut off somewhere in the page: what it has seen is all it knows when it comes back.
            seen += page.prefix(.random(in: 0...page.count, using: &generator))
            let rows = try await database.read(
                Statement(
                    "select sequence, entity_id from clinic.event where sequence > $1 order by sequence"),
                [.int64(lastSequence)])
            for row in rows {
                var row = row
                lastSequence = try row.int64()
                naive.insert(try row.int64())
            }
        }

        try await withWriters(6, url) { writers in
            var open = [[Int64]?](repeating: nil, count: writers.count)
            var number: Int64 = 0
            for _ in 0..<400 {
                let index = Int.random(in: 0..<writers.count, using: &generator)
                if let written = open[index] {
                    switch Int.random(in: 0..<5, using: &generator) {
                    case 0, 1:
                        try await writers[index].run("commit")
                        committed.formUnion(written)
                        open[index] = nil
                    case 2:
                        try await writers[index].run("rollback")
                        open[index] = nil
                    default:
                        number += 1
                        try await writers[index].run(Self.insert(Int(number)))
                        open[index]?.append(number)
                    }
                } else {
                    try await writers[index].run("begin")
                    // Some have their transaction number long before their first event.
                    if Bool.random(using: &generator) {
                        try await writers[index].run("select pg_current_xact_id()")
                    }
                    open[index] = []
                }
                if Int.random(in: 0..<3, using: &generator) == 0 { try await read() }
            }
            for (index, written) in open.enumerated() {
                guard let written else { continue }
                try await writers[index].run("commit")
                committed.formUnion(written)
            }
        }
        // Transactions of other tests in the same cluster may still hold the last ones back.
        try await eventually("all that was committed") {
            try await read()
            return seen.count >= committed.count
        }

        #expect(seen.count == committed.count)
        #expect(Set(seen.map(\.entityID)) == committed)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.position < $1.position })
        #expect(try await store.read(after: seen.last?.position, limit: 1, for: nil).isEmpty)
        let backwards = try await store.readBackwards(before: nil, limit: 1_000, for: nil)
        #expect(backwards.map(\.entityID) == seen.map(\.entityID).reversed())
        // The negative control: the same commits in the same order, read by sequence numbers.
        #expect(naive.count < committed.count)
        await database.close()
    }

    @Test func `what an older transaction could still precede is held back until it ends`() async throws {
        let (database, url) = try await makeDatabase()
        let store = EventStore(database: database)
        try await withWriters(2, url) { writers in
            try await writers[0].run("begin; \(Self.insert(1))")
            try await writers[1].run(Self.insert(2))
            #expect(try await store.read(after: nil, limit: 10, for: nil).isEmpty)
            try await writers[0].run("commit")
        }
        var read: [EventRecord] = []
        try await eventually("both events") {
            read = try await store.read(after: nil, limit: 10, for: nil)
            return read.count >= 2
        }
        #expect(read.map(\.entityID) == [1, 2])
        await database.close()
    }

    @Test func `administrators find out who did what to which thing, and when`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let booking = try await patient.book(doctor, at: clinic.dateTime())
            let transaction = try await patient.pay(booking)
            try await administrator.call(
                PaymentServiceMethods.refundTransaction,
                RefundTransactionRequest(transactionID: transaction.id, amount: Money(minorUnits: 1_000)))

            func events(_ request: ListAuditEventsRequest) async throws -> [AuditEvent] {
                try await administrator.call(AdminServiceMethods.listAuditEvents, request).auditEvents
            }
            func methods(_ request: ListAuditEventsRequest) async throws -> [String] {
                try await events(request).map { $0.method.split(separator: "/").last.map(String.init) ?? "" }
            }
            // Transactions of other tests in the same cluster may hold the last ones back for a moment.
            try await eventually("seven events") { try await events(ListAuditEventsRequest()).count >= 7 }

            let all = try await events(ListAuditEventsRequest())
            let names = [
                "create-admin", "CreateDepartment", "RegisterDoctor", "CreateUser", "BookAppointment",
                "PayBooking", "RefundTransaction",
            ]
            #expect(try await methods(ListAuditEventsRequest()) == names)
            #expect(try await methods(ListAuditEventsRequest(newestFirst: true)) == names.reversed())
            #expect(
                try await methods(ListAuditEventsRequest(actorID: patient.userID))
                    == ["BookAppointment", "PayBooking"])
            #expect(
                try await methods(ListAuditEventsRequest(entity: "transaction", entityID: transaction.id))
                    == ["PayBooking", "RefundTransaction"])
            #expect(try await methods(ListAuditEventsRequest(entity: "doctor")) == ["RegisterDoctor"])
            #expect(
                try await methods(ListAuditEventsRequest(method: "clinic.v1.PaymentService/PayBooking"))
                    == ["PayBooking"])
            let booked = try #require(all.first { $0.method.hasSuffix("/BookAppointment") })
            #expect(
                try await methods(ListAuditEventsRequest(eventFrom: booked.eventTime)) == Array(names[4...]))
            #expect(
                try await methods(ListAuditEventsRequest(eventBefore: booked.eventTime)) == Array(names[..<4])
            )
            let refunded = try #require(all.last)
            #expect(refunded.actorID == administrator.userID)
            #expect(refunded.entityID == transaction.id)
            #expect(refunded.changeJson.contains("\"refunded\": 1000"))

            for newestFirst in [false, true] {
                var request = ListAuditEventsRequest(pageSize: 2, newestFirst: newestFirst)
                var paged: [AuditEvent] = []
                repeat {
                    let page = try await administrator.call(AdminServiceMethods.listAuditEvents, request)
                    #expect(page.auditEvents.count <= 2)
                    paged += page.auditEvents
                    request.pageToken = page.nextPageToken
                } while !request.pageToken.isEmpty
                #expect(paged == (newestFirst ? all.reversed() : all))
            }
        }
    }
}
