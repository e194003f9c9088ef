// A watch that is cut off again and again while others write, in transactions that end in another order than they began.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import RPC
import TestRandom
import Testing

@Suite struct WatchResumptionTests {
    /// An event of a booking, told apart by its time.
    private static func insert(_ number: Int64, _ bookingID: Int64) -> String {
        """
        insert into clinic.event (occurred_at, user_id, doctor_id, method, entity, entity_id, change)
        select to_timestamp(\(number)), user_id, doctor_id, 'm', 'booking', id, '{"from": "BOOKED"}'
        from clinic.booking where id = \(bookingID)
        """
    }

    @Test(arguments: [("owner", 0), ("owner", 1), ("staff", 2), ("staff", 3)])
    func `a watch that is cut off anywhere misses nothing and sees nothing twice`(
        who: String, run: Int
    ) async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let (patient, stranger) = (try await clinic.signUp(), try await clinic.signUp())
            let mine = [
                try await patient.book(doctor, at: try clinic.dateTime(hour: 9)),
                try await patient.book(doctor, at: try clinic.dateTime(hour: 10)),
            ]
            let others = try await stranger.book(doctor, at: try clinic.dateTime(hour: 11))
            let watcher = who == "owner" ? patient : administrator
            var generator = SeededGenerator(printing: "watch of \(who) \(run)")
            let token = try await Watch(of: watcher).resumeToken

            let client = try await clinic.connect().client
            let reader = Task { [generator] in
                var generator = generator
                var token = token
                var seen: [Int64] = []
                // The last event is number 0.
                while seen.last != 0 {
                    let session = Session(client: client, token: watcher.token, userID: watcher.userID)
                    let watch = try await Watch(of: session, resumeToken: token)
                    for _ in 0..<Int.random(in: 0...12, using: &generator) where seen.last != 0 {
                        let seconds = try await watch.next().eventTime?.seconds ?? -1
                        // The bookings themselves were made in this century.
                        if seconds < 1_000 { seen.append(seconds) }
                    }
                    token = watch.resumeToken
                }
                return seen
            }

            var committed: Set<Int64> = []
            try await withWriters(5, clinic.databaseURL) { writers in
                var open = [[Int64]?](repeating: nil, count: writers.count)
                var number: Int64 = 0
                for _ in 0..<300 {
                    // A change through the server has it look at once: in the middle of all this, and often.
                    if Int.random(in: 0..<3, using: &generator) == 0 {
                        try await stranger.call(
                            UserServiceMethods.updateUser,
                            UpdateUserRequest(user: User(firstName: "Patricia")))
                    }
                    let index = Int.random(in: 0..<writers.count, using: &generator)
                    guard let written = open[index] else {
                        try await writers[index].run("begin")
                        if Bool.random(using: &generator) {
                            try await writers[index].run("select pg_current_xact_id()")
                        }
                        open[index] = []
                        continue
                    }
                    switch Int.random(in: 0..<6, using: &generator) {
                    case 0, 1:
                        try await writers[index].run("commit")
                        committed.formUnion(written)
                        open[index] = nil
                    case 2:
                        try await writers[index].run("rollback")
                        open[index] = nil
                    default:
                        number += 1
                        let isMine = Int.random(in: 0..<3, using: &generator) > 0
                        let booking = isMine ? mine.randomElement(using: &generator) : others
                        try await writers[index].run(Self.insert(number, booking?.id ?? 0))
                        if isMine || who == "staff" { open[index]?.append(number) }
                    }
                }
                for (index, written) in open.enumerated() {
                    guard let written else { continue }
                    try await writers[index].run("commit")
                    committed.formUnion(written)
                }
                try await writers[0].run(Self.insert(0, mine[0].id))
            }
            let seen = try await reader.value
            #expect(seen.count == Set(seen).count)
            #expect(Set(seen) == committed.union([0]))
        }
    }
}
