// The clock and the database of the tests of revocations: both go on when they are told to.

import ClinicStore
import Synchronization

@testable import ClinicService

extension SessionRevocationCacheTests {
    /// A clock that stands until it is moved.
    final class Clock: Sendable {
        private let moment = Mutex(ContinuousClock.now)

        var now: @Sendable () -> ContinuousClock.Instant { { self.moment.withLock { $0 } } }

        func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
    }

    /// Lets nobody pass before it is opened.
    final class Gate: Sendable {
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

    /// SessionRevocationCache without a database, which counts what it is asked.
    final class Source: UserAccessSource {
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

        func access(of userID: Int64) async throws -> UserAccess? {
            let (version, gate) = try state.withLock { state in
                if state.isDown { throw Down() }
                state.reads += 1
                return (state.versions[userID], state.readGate)
            }
            await gate?.pass()
            return version.map { UserAccess(role: .patient, tokenVersion: $0) }
        }

        func changes(
            from position: SessionStore.Position?, limit: Int64
        ) async throws -> SessionStore.UserAccessChanges {
            let (answer, gate) = try state.withLock { state in
                if state.isDown { throw Down() }
                state.readings += 1
                let since = position.flatMap { position in
                    position.server == state.server
                        ? state.changed.filter { $0.transaction >= position.transaction }.map(\.userID) : nil
                }
                return (
                    SessionStore.UserAccessChanges(
                        position: SessionStore.Position(server: state.server, transaction: state.transaction),
                        userIDs: since.map { Array($0.prefix(Int(limit))) }), state.readingGate
                )
            }
            await gate?.pass()
            return answer
        }
    }
}
