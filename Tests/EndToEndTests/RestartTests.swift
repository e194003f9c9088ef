// A restart while clients call: none of them sees it, and what was acknowledged is there. The clients are those that the
// programs use, with the retries they come with.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import Synchronization
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct RestartTests {
    /// What the callers have seen.
    private final class Record: Sendable {
        private struct State {
            var signedUp: [String] = []
            var calls = 0
            var failures: [String] = []
            var isOver = false
        }

        private let state = Mutex(State())

        var calls: Int { state.withLock { $0.calls } }
        var failures: [String] { state.withLock { $0.failures } }
        var signedUp: [String] { state.withLock { $0.signedUp } }
        var isOver: Bool { state.withLock { $0.isOver } }

        func answered(signedUp email: String? = nil) {
            state.withLock { state in
                state.calls += 1
                if let email { state.signedUp.append(email) }
            }
        }
        func failed(_ error: any Error) { state.withLock { $0.failures.append("\(error)") } }
        func end() { state.withLock { $0.isOver = true } }
    }

    /// Reads, changes with a key and signs up without one, until the record is over.
    private func call(as number: Int, at address: Address, _ token: String, _ record: Record) async {
        // A restart takes as long as the machine takes.
        var configuration = ClinicClientConfiguration()
        configuration.timeout = .seconds(120)
        let client = ClinicClient(address: address, token: token, configuration: configuration)
        var round = 0
        while !record.isOver {
            round += 1
            do {
                _ = try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                record.answered()
                let phone = "04\(10_000_000 + number * 1000 + round)"
                let user = try await client.call(
                    UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: phone)))
                #expect(user.phone == phone)
                record.answered()
                let email = "person\(number).\(round)@example.org"
                _ = try await client.call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: "Pat", lastName: "Ient", phone: "0400000000", email: email,
                        password: Installation.password))
                record.answered(signedUp: email)
            } catch {
                record.failed(error)
            }
        }
        await client.close()
    }

    /// Where the callers find the daemon, before and after.
    enum Kind: CaseIterable {
        case unix
        case tcp
    }

    @Test(arguments: Kind.allCases) func `restarts under load are seen by no caller`(
        of kind: Kind
    ) async throws {
        let clinic = try await Installation.withDatabase()
        // Not one of the ports that the callers' own ends get while nobody listens.
        let port = Int.random(in: 20_000..<30_000)
        let address = kind == .unix ? clinic.socket : .tcp(host: "127.0.0.1", port: port)
        let options = ["--log-level", "warning"] + (kind == .unix ? [] : ["--listen", "\(address)"])
        var daemon = try await clinic.serve(options)
        var tokens: [String] = []
        for number in 0..<8 {
            _ = try await clinic.signUp("caller\(number)@example.org")
            tokens.append(try await clinic.logIn("caller\(number)@example.org").token)
        }
        let record = Record()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, token) in tokens.enumerated() {
                group.addTask { await call(as: number, at: address, token, record) }
            }
            for _ in 0..<3 {
                let before = record.calls
                try await eventually("calls") { record.calls > before + 100 }
                let ending = try await daemon.stop(within: .seconds(30))
                #expect(ending.status == 0)
                #expect(ending.errors.isEmpty, "\(ending.errors)")
                daemon = try await clinic.serve(options)
            }
            let before = record.calls
            try await eventually("calls") { record.calls > before + 100 }
            record.end()
            try await group.waitForAll()
        }
        #expect(record.failures == [])
        let client = clinic.client()
        for email in record.signedUp.suffix(20) { _ = try await clinic.logIn(email) }
        await client.close()
        #expect(try await daemon.stop().status == 0)
    }
}
