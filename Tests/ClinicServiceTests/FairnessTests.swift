// One caller who asks for too much gets less, and the others get theirs: passwords and statements in full queues.

import Bcrypt
import ClinicMessages
import PostgreSQL
import RPC
import Synchronization
import TestWaiting
import Testing

/// Logins that go on until they are over, and how they ended.
private final class Flood: Sendable {
    let endings = Mutex<[String: Int]>([:])
    let isOver = Mutex(false)

    func count(of ending: String) -> Int { endings.withLock { $0[ending, default: 0] } }
}

@Suite struct FairnessTests {
    @Test func `every right password gets in beside a flood of logins from another address`() async throws {
        let passwords = try BcryptPool(cost: 9, threadCount: 1, queueLimit: 4)
        try await withClinic(passwords: passwords) { clinic in
            let patient = try await clinic.signUp()
            let email = try await patient.call(UserServiceMethods.getUser, GetUserRequest()).email
            let flood = try await clinic.connect(from: "127.0.0.1")
            let modest = try await clinic.connect(from: "127.0.0.2")
            let logins = Flood()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        var attempt = 0
                        while !Task.isCancelled, !logins.isOver.withLock(\.self) {
                            attempt += 1
                            let outcome = try await ending {
                                try await flood.call(
                                    UserServiceMethods.login,
                                    LoginRequest(
                                        email: "n\(number)a\(attempt)@example.org", password: "wrong horse"))
                            }
                            logins.endings.withLock { $0[outcome, default: 0] += 1 }
                        }
                    }
                }
                try await eventually("a full queue") {
                    logins.count(of: "OVERLOADED") > 50
                }
                for _ in 0..<10 {
                    let login: LoginResponse = try await modest.call(
                        UserServiceMethods.login, LoginRequest(email: email, password: TestClinic.password))
                    #expect(!login.token.isEmpty)
                }
                logins.isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            // The flood was served too, in turns.
            #expect(logins.count(of: "WRONG_CREDENTIALS") > 0)
            #expect(logins.endings.withLock { $0.keys.sorted() } == ["OVERLOADED", "WRONG_CREDENTIALS"])
        }
    }

    @Test func `a full queue of reads drops those of whoever has most in it`() async throws {
        try await withClinic(
            userAccessAge: .seconds(86_400), statementTimeout: .seconds(120), lockTimeout: .seconds(100),
            outageTolerance: .seconds(100),
            configureDatabase: { $0.queueLimit = 8 }
        ) { clinic in
            let patient = try await clinic.signUp()
            // The server remembers who the patient is, which it would have to read as well.
            _ = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
            let greedy = try await clinic.connect(from: "127.0.0.2")
            let refusedBefore = clinic.database.statistics.reads.refused
            func waiting() -> Int { clinic.database.statistics.reads.waiting }
            func refused() -> Int { clinic.database.statistics.reads.refused - refusedBefore }
            var reads: [Task<String, any Error>] = []
            var own: [Task<String, any Error>] = []
            try await withWriters(1, clinic.databaseURL) { writers in
                try await writers[0].run("begin; lock table clinic.booking in access exclusive mode")
                for count in 1...30 {
                    reads.append(
                        Task {
                            try await ending {
                                try await greedy.call(
                                    BookingServiceMethods.listBookings, ListBookingsRequest(pageSize: 1000))
                            }
                        })
                    try await eventually("\(count) reads") {
                        clinic.database.statistics.reads.inFlight == 1
                            && waiting() == min(count - 1, 8) && refused() == max(count - 9, 0)
                    }
                }
                for count in 1...3 {
                    // Pages of one size would share one statement.
                    let request = ListMyBookingsRequest(pageSize: Int64(count))
                    own.append(
                        Task {
                            try await ending {
                                try await patient.call(BookingServiceMethods.listMyBookings, request)
                            }
                        })
                    try await eventually("\(count) reads of the patient") { refused() == 21 + count }
                }
                try await writers[0].run("commit")
            }
            for read in own { #expect(try await read.value == "OK") }
            var endings: [String: Int] = [:]
            for read in reads { endings[try await read.value, default: 0] += 1 }
            #expect(endings == ["OK": 6, "OVERLOADED": 24])
        }
    }
}
